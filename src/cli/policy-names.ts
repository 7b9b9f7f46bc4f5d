import type { Kind } from '../core/model.ts'
import { MAPPED } from '../core/place-names.ts'
import { isServer, type Policy } from '../core/policy.ts'
import { REGIONS, regionNamed } from '../core/regions.ts'
import { selector } from '../core/selector.ts'
import { nearest } from './nearest.ts'
import { at, dotted, type Path, type Source } from './policy-source.ts'

/** The kinds that are carried between the two sides of a protection. */
export type KindsOf = (policy: Policy) => readonly Kind[]

/** What a policy names that there is not: kinds, and regions whose geography is to be kept. */
export function unknownNames(source: Source, policy: Policy, kinds: readonly Kind[]): readonly string[] {
  return [...unknownKinds(source, policy, kinds), ...unknownRegions(source, policy)]
}

/** A kind that is named somewhere, and what else might have been meant there. */
interface Named {
  readonly path: Path
  readonly kind: string
  readonly among: readonly string[]
}

function unknownKinds(source: Source, policy: Policy, kinds: readonly Kind[]): readonly string[] {
  const { sync, availability, mappings } = policy
  const selecting = (path: Path, pattern: string) => ({ path, kind: pattern.split('/')[0] ?? '', among: kinds })
  const carried: readonly Named[] = [
    ...sync.removes.map((kind, index) => ({ path: ['sync', 'removes', index], kind, among: kinds })),
    ...sync.exclude.map((one, index) => selecting(['sync', 'exclude', index], one)),
    ...availability.rules.map(({ match }, index) => selecting(['availability', 'rules', index, 'match'], match)),
    ...Object.keys(availability.kinds).map((kind) => ({
      path: ['availability', kind],
      kind,
      among: [...kinds, 'default', 'rules'],
    })),
  ]
  const mapped = Object.keys(mappings).map((kind) => ({ path: ['mappings', kind], kind, among: MAPPED }))
  return [
    ...carried.flatMap((one) => unknownKind(source, one, 'no kind that is carried')),
    ...mapped.flatMap((one) => unknownKind(source, one, 'no kind whose names are mapped')),
  ]
}

function unknownKind(source: Source, { path, kind, among }: Named, is: string): readonly string[] {
  if (among.some((one) => selector(kind)(`${one}/any`))) return []
  const near = nearest(kind, among)
  const fix = near === undefined ? `write one of ${among.join(', ')}` : `did you mean ${near}?`
  return [`${at(source, path)}: ${dotted(path)} names "${kind}", which is ${is}; ${fix}`]
}

/**
 * Azure has new regions before this release knows of them, so one that is not known is no mistake by itself. But
 * nothing says in which geography it is, and where the policy keeps the data in one, it does not stand.
 */
function unknownRegions(source: Source, policy: Policy): readonly string[] {
  if (policy.residency === 'any') return []
  return (['primary', 'secondary'] as const).flatMap((name) => {
    const side = policy[name]
    if (isServer(side) || side.location === undefined || regionNamed(side.location) !== undefined) return []
    const near = nearest(side.location, [...REGIONS.keys()])
    const where = `${at(source, [name, 'location'])}: ${name}.location is "${side.location}", whose geography is not known here`
    return near === undefined
      ? [`${where}; write a region such as centralus, or \`residency: any\` if Azure has this one`]
      : [`${where}; did you mean ${near}? If Azure has this one, write \`residency: any\``]
  })
}
