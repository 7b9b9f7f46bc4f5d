import { Fault } from '../../core/errors.ts'
import type { Item } from '../../core/model.ts'
import type { Histories } from '../history-names.ts'
import type { Carriage, Converged, Place, Service } from '../service.ts'
import { passing, type Sum } from './content.ts'
import { noted } from './noted.ts'
import { ownerNamed, ownerOf, rootOf } from './owners.ts'
import { gone, listFiles, readFile } from './reading.ts'
import { artifactBody, artifactItem, asideItem } from './schema.ts'

/** Files of runs and of logged models. See ./readme.md. */
export function artifacts(histories: Histories): Service {
  return {
    kind: 'artifact',
    needs: ['run', 'logged-model'],
    can: { converge: true, update: true, remove: false, acts: false, ordered: false },
    list: (place, reach) => listFiles(histories, place, reach),
    read: (place, of, { signal }) => readFile(histories, place, { of, signal }),
    references: () => [],
    converge: (place, wanted, carriage) => converge(histories, place, { wanted, carriage }),
    aside: asideItem,
    remove: () => Promise.reject(new Fault('run/defect', 'A file of a run is never removed')),
  }
}

async function converge(
  histories: Histories,
  place: Place,
  { wanted, carriage: { source, signal } }: { readonly wanted: Item; readonly carriage: Carriage },
): Promise<Converged> {
  const body = artifactBody(wanted.body)
  const { owner, path, from, sha256 } = body
  const origin = await demandRoot(histories, source, { owner, signal })
  const root = await demandRoot(histories, place, { owner, signal })
  const asWanted = (sum: Sum) =>
    artifactItem(ownerNamed(body), { path, ...sum, ...(from === undefined ? {} : { from }) })
  const there = await readFile(histories, place, { of: wanted.address, signal })
  if (there !== undefined && artifactBody(there.body).sha256 === sha256) return asWanted(artifactBody(there.body))
  const observedAt = source.now?.() ?? Date.now()
  const bytes = await histories.of(source).artifacts.read(origin, from ?? path, signal)
  if (bytes === undefined) throw gone(wanted.address)
  const passed = passing(path, bytes, { from: histories.namesOf(source), to: histories.namesOf(place), signal })
  const { artifacts: files, notes } = histories.of(place)
  noted(notes, place, { id: owner }).forget()
  await files.write(root, path, { bytes: passed.bytes, signal })
  const stands = asWanted(passed.sum())
  return stands.digest === wanted.digest ? stands : { ...stands, observedAt }
}

async function demandRoot(
  histories: Histories,
  place: Place,
  of: { readonly owner: string; readonly signal: AbortSignal },
): Promise<string> {
  const root = await rootOf(histories.namesOf(place), of.owner, of.signal)
  if (root === undefined) throw gone(`The ${ownerOf(of.owner)} ${of.owner} in ${place.location}`)
  if (histories.of(place).artifacts.reaches(root)) return root
  throw new Fault('azure/refused', `The files at ${root || 'no place'} are not handed out by the server`, {
    hint: 'Start the server with `--serve-artifacts`, or exclude them in the policy.',
  })
}
