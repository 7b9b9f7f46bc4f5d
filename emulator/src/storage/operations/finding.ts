import type { Reply } from '../../call.ts'
import type { Tagged } from '../catalogue.ts'
import { invalidQuery } from '../refusals.ts'
import { containerOf, type StorageRequest } from '../request.ts'
import { parseTagQuery } from '../tag-query.ts'
import { document, element, escaped, nameElement, optional } from '../xml.ts'
import { pageSize } from './service.ts'

/** Find Blobs by Tags, in an account or in one container. */
export async function findByTags(request: StorageRequest): Promise<Reply> {
  const { call, target, blobs } = request
  const where = call.query.get('where') ?? ''
  const asked = parseTagQuery(where, 'find')
  const only = target.container === '' ? undefined : containerOf(request).name
  const limit = pageSize(call.query.get('maxresults'))
  const marker = call.query.get('marker') ?? ''
  const found: Tagged[] = []
  for (const one of blobs.catalogue.tagged(target.account, marker === '' ? ['', ''] : placeIn(marker))) {
    if (only !== undefined && one.container !== only) continue
    if (!asked.holds(one.tags, one.container)) continue
    found.push(one)
    if (found.length > limit) break
  }
  const last = found.length > limit ? found[limit - 1] : undefined
  const body =
    optional('Where', where) +
    optional('MaxResults', call.query.has('maxresults') ? limit : undefined) +
    element(
      'Blobs',
      found
        .slice(0, limit)
        .map((one) => blobElement(one, asked.keys))
        .join(''),
    ) +
    element('NextMarker', last === undefined ? '' : escaped(markerFor(last)))
  const opening = `<EnumerationResults ServiceEndpoint="https://${call.host}/">`
  return {
    status: 200,
    headers: { 'content-type': 'application/xml' },
    body: document(`${opening}${body}</EnumerationResults>`),
  }
}

/** A blob with those of its tags that were asked for. */
function blobElement({ name, container, tags }: Tagged, keys: readonly string[]): string {
  const shown = keys
    .filter((key) => tags[key] !== undefined)
    .map((key) => element('Tag', optional('Key', key) + optional('Value', tags[key])))
  const set = element('Tags', element('TagSet', shown.join('')))
  return element('Blob', nameElement('Name', name) + optional('ContainerName', container) + set)
}

function markerFor({ container, name }: Tagged): string {
  return Buffer.from(JSON.stringify([container, name])).toString('base64url')
}

function placeIn(marker: string): readonly [container: string, name: string] {
  try {
    const [container, name] = JSON.parse(Buffer.from(marker, 'base64url').toString('utf8'))
    if (typeof container === 'string' && typeof name === 'string') return [container, name]
  } catch {
    // Refused below, together with a marker that holds something else.
  }
  throw invalidQuery('marker', marker)
}
