import { randomUUID } from 'node:crypto'
import { isJsonObject } from '../../arm/template/execute/sender.ts'
import type { JsonObject } from '../../arm/template/json.ts'
import { property, textAt } from '../../arm/template/json.ts'
import type { Link } from '../../arm/template/language/scope.ts'
import { DEEPEST, isNestedTooDeep } from '../../json-depth.ts'
import { notImplemented, Refusal } from '../../refusal.ts'
import type { FrontArm } from '../front-arm.ts'
import { parseLoosely } from './loose-json.ts'

const LIMIT = 4 * 1024 * 1024
/** Where ARM would be asked to read from itself. */
const OWN_HOST = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/i

/** What a link leads to, and the link itself, by which relative ones inside go on. */
export interface Linked {
  readonly content: JsonObject
  readonly link: Link
}

/**
 * Reads a template or parameters that a request names by a link instead of holding them.
 *
 * Templates lie in storage accounts of the emulator, open to all or with a signature in the address: ARM brings no
 * token of its own. Nothing outside the emulator can be read. Throws `InvalidContentLink` as ARM does.
 */
export async function readLink(
  named: JsonObject,
  by: { readonly front: FrontArm; readonly client: string },
): Promise<Linked> {
  if (textAt(named, 'id') !== undefined) throw notImplemented('Deployments_CreateOrUpdate with a template spec')
  const link = linkOf(named)
  const url = addressOf(link)
  const answer = await by.front.read({ url, client: by.client, limit: LIMIT })
  if (answer?.status !== 200) throw unread(link.uri)
  const content = contentIn(answer.bytes, link.uri)
  const [wanted, found] = [textAt(named, 'contentVersion'), textAt(content, 'contentVersion')]
  if (wanted === undefined || wanted === found) return { content, link }
  throw invalidLink(
    `The content version '${found ?? ''}' of '${shownUri(link.uri)}' is not '${wanted}', which the content link asks for.`,
  )
}

/** A link as answers show it: what opens storage is not among it. */
export function shownLink(named: JsonObject, { uri }: Link): JsonObject {
  const contentVersion = property(named, 'contentVersion')
  return { uri: shownUri(uri), ...(contentVersion === undefined ? {} : { contentVersion }) }
}

function linkOf(named: JsonObject): Link {
  const uri = textAt(named, 'uri')
  const queryString = textAt(named, 'queryString')?.replace(/^\?/, '')
  if (uri !== undefined) return { uri, ...(queryString === undefined ? {} : { queryString }) }
  const relative = textAt(named, 'relativePath') ?? ''
  throw unsupported(relative)
}

function addressOf({ uri, queryString }: Link): URL {
  const url = URL.canParse(uri) ? new URL(uri) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || OWN_HOST.test(url.hostname)) {
    throw unsupported(shownUri(uri))
  }
  if (queryString !== undefined) url.search = url.search === '' ? queryString : `${url.search}&${queryString}`
  return url
}

function contentIn(bytes: Buffer, uri: string): JsonObject {
  try {
    const content: unknown = parseLoosely(bytes.toString('utf8').replace(/^\u{feff}/u, ''))
    if (isJsonObject(content) && !isNestedTooDeep(content)) return content
  } catch {
    // Said below.
  }
  throw invalidLink(`The content at '${shownUri(uri)}' is not a JSON object of at most ${DEEPEST} levels.`)
}

function unsupported(shown: string): Refusal {
  return invalidLink(
    `The provided content link '${shown}' is invalid or not supported. Content link must be an absolute URI not referencing local host or UNC path.`,
  )
}

function unread(uri: string): Refusal {
  return invalidLink(
    `Unable to download deployment content from '${shownUri(uri)}'. The tracking Id is '${randomUUID()}'. Please see https://aka.ms/arm-deploy for usage details.`,
  )
}

function invalidLink(message: string): Refusal {
  return new Refusal(400, 'InvalidContentLink', message)
}

/** An address without its query: that may be a signature. */
export function shownUri(uri: string): string {
  return uri.replace(/\?.*$/s, '')
}
