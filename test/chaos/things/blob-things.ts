import { type Answer, type Message, STORAGE_AUDIENCE } from '../client.ts'
import { labelOf, labelsOf, textOf } from '../labelled-text.ts'
import { guidOf } from './arm-things.ts'
import { type Desk, explained, found, type ThingKind } from './thing.ts'

/** Past the size up to which bytes live in the database, so that files are written too. */
const LONGEST = 300_000
const LONGEST_HEADER = 2000
const BLOCK_BLOB = { 'x-ms-blob-type': 'BlockBlob' }

const urlOf = ({ site, name }: Desk, kind: string) =>
  `https://${site.account}.blob.core.windows.net/chaos/${kind}/${name}`

async function send(desk: Desk, method: string, url: string, message: Message = {}): Promise<Answer> {
  return desk.client.send(method, url, { audience: STORAGE_AUDIENCE, ...message })
}

async function put(desk: Desk, url: string, message: Message): Promise<Answer> {
  return explained(await send(desk, 'PUT', url, message), `PUT ${url}`)
}

async function get(desk: Desk, url: string): Promise<Answer | undefined> {
  return found(await send(desk, 'GET', url), url)
}

const blockId = (n: number) => Buffer.from(`block-${n}`).toString('base64')

const remove =
  (kind: string) =>
  async (desk: Desk): Promise<Answer> =>
    explained(await send(desk, 'DELETE', urlOf(desk, kind)), 'DELETE of a blob')

async function readWhole(desk: Desk, kind: string): Promise<string | undefined> {
  const answer = await get(desk, urlOf(desk, kind))
  return answer === undefined ? undefined : labelOf(answer.text)
}

const PUT_BLOB: ThingKind = {
  name: 'blob',
  longest: LONGEST,
  write: (desk, label) => put(desk, urlOf(desk, 'put'), { body: Buffer.from(textOf(label)), headers: BLOCK_BLOB }),
  read: (desk) => readWhole(desk, 'put'),
  remove: remove('put'),
}

/** Staged in two blocks, then committed: what was there stays until the list is. */
const BLOCKS: ThingKind = {
  name: 'blob in blocks',
  longest: LONGEST,
  write: async (desk, label) => {
    const url = urlOf(desk, 'blocks')
    const bytes = Buffer.from(textOf(label))
    const half = Math.ceil(bytes.length / 2)
    for (const [n, body] of [bytes.subarray(0, half), bytes.subarray(half)].entries()) {
      const staged = await put(desk, `${url}?comp=block&blockid=${encodeURIComponent(blockId(n))}`, { body })
      if (staged.status >= 300) return staged
    }
    const list = [0, 1].map((n) => `<Uncommitted>${blockId(n)}</Uncommitted>`).join('')
    const body = `<?xml version="1.0" encoding="utf-8"?><BlockList>${list}</BlockList>`
    return put(desk, `${url}?comp=blocklist`, { body })
  },
  read: (desk) => readWhole(desk, 'blocks'),
  remove: remove('blocks'),
}

/** Blocks that wait for their list. Their number and sizes are all that can be read. */
const STAGED: ThingKind = {
  name: 'staged blocks',
  longest: LONGEST,
  grows: true,
  write: (desk, label, now) => {
    const n = (now ?? '').split(',').filter((one) => one !== '').length
    const id = encodeURIComponent(Buffer.from(`${String(n).padStart(4, '0')}|${label}`.padEnd(48)).toString('base64'))
    return put(desk, `${urlOf(desk, 'staged')}?comp=block&blockid=${id}`, { body: Buffer.from(textOf(label)) })
  },
  read: async (desk) => {
    const answer = await get(desk, `${urlOf(desk, 'staged')}?comp=blocklist&blocklisttype=uncommitted`)
    const blocks = [...(answer?.text ?? '').matchAll(/<Name>([^<]*)<\/Name><Size>(\d+)<\/Size>/g)]
    const labels = blocks
      .map(([, name = '', size]) => ({ id: Buffer.from(name, 'base64').toString('utf8').trim(), size: Number(size) }))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .map(({ id, size }) => {
        const label = id.split('|')[1] ?? ''
        return textOf(label).length === size ? label : `damaged: ${size} bytes of ${label}`
      })
    return labels.length === 0 ? undefined : labels.join(',')
  },
}

const APPENDED: ThingKind = {
  name: 'append blob',
  longest: LONGEST,
  grows: true,
  write: async (desk, label, now) => {
    const url = urlOf(desk, 'append')
    const body = Buffer.from(textOf(label))
    if (now === undefined) {
      // Empty until its first block, and so not yet the thing.
      const headers = { 'x-ms-blob-type': 'AppendBlob', 'content-length': '0' }
      const made = await put(desk, url, { headers })
      if (made.status >= 300) return made
    }
    return put(desk, `${url}?comp=appendblock`, { body })
  },
  read: async (desk) => {
    const answer = await get(desk, urlOf(desk, 'append'))
    return answer === undefined || answer.text === '' ? undefined : labelsOf(answer.text).join(',')
  },
  remove: remove('append'),
}

/** Metadata of a blob that is there from the first write on. */
const METADATA: ThingKind = {
  name: 'metadata of a blob',
  longest: LONGEST_HEADER,
  write: (desk, label, now) => {
    const headers = { 'x-ms-meta-mark': textOf(label) }
    const url = urlOf(desk, 'metadata')
    if (now === undefined) return put(desk, url, { body: 'a blob', headers: { ...BLOCK_BLOB, ...headers } })
    return put(desk, `${url}?comp=metadata`, { headers })
  },
  read: async (desk) => {
    const answer = found(await send(desk, 'HEAD', urlOf(desk, 'metadata')), 'metadata')
    return answer === undefined ? undefined : labelOf(String(answer.headers['x-ms-meta-mark']))
  },
  remove: remove('metadata'),
}

/** A blob under a lease without end: whoever has the id writes its metadata, and nobody else does. */
const LEASED: ThingKind = {
  name: 'lease',
  longest: LONGEST_HEADER,
  write: async (desk, label) => {
    const url = urlOf(desk, 'lease')
    const id = guidOf(desk.name)
    const there = found(await send(desk, 'HEAD', url), 'a lease')
    if (there === undefined) {
      const made = await put(desk, url, { body: 'a blob', headers: BLOCK_BLOB })
      if (made.status >= 300) return made
    }
    if (there?.headers['x-ms-lease-state'] !== 'leased') {
      const headers = { 'x-ms-lease-action': 'acquire', 'x-ms-lease-duration': '-1', 'x-ms-proposed-lease-id': id }
      const leased = await put(desk, `${url}?comp=lease`, { headers })
      if (leased.status >= 300) return leased
    }
    return put(desk, `${url}?comp=metadata`, { headers: { 'x-ms-lease-id': id, 'x-ms-meta-mark': textOf(label) } })
  },
  read: async (desk) => {
    const url = urlOf(desk, 'lease')
    const mark = found(await send(desk, 'HEAD', url), 'a lease')?.headers['x-ms-meta-mark']
    if (typeof mark !== 'string') return undefined
    const intruder = await send(desk, 'PUT', `${url}?comp=metadata`, { headers: { 'x-ms-meta-mark': 'intruder' } })
    return intruder.status === 412 ? labelOf(mark) : `damaged: whoever has no lease was answered ${intruder.status}`
  },
}

/** A copy of a blob that is written just before. */
const COPIED: ThingKind = {
  name: 'copy of a blob',
  longest: LONGEST,
  write: async (desk, label) => {
    const source = urlOf(desk, 'source')
    const written = await put(desk, source, { body: Buffer.from(textOf(label)), headers: BLOCK_BLOB })
    if (written.status >= 300) return written
    const headers = { 'x-ms-copy-source': source, 'content-length': '0' }
    return put(desk, urlOf(desk, 'copy'), { headers })
  },
  read: (desk) => readWhole(desk, 'copy'),
  remove: remove('copy'),
}

/** The blob service. */
export const BLOB_THINGS: readonly ThingKind[] = [PUT_BLOB, BLOCKS, STAGED, APPENDED, METADATA, LEASED, COPIED]
