import {
  AnonymousCredential,
  type BlobSASSignatureValues,
  ContainerClient,
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  SASProtocol,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hmac } from '../src/storage/shared-key.ts'
import { type Bench, openBench, urlOf } from './storage-client.ts'

const HOUR = 3600 * 1000

let bench: Bench
let snapshot: string

beforeAll(async () => {
  bench = await openBench()
  const box = bench.service.getContainerClient('box')
  await box.create()
  const blob = box.getBlockBlobClient('there')
  await blob.upload('first', 5)
  snapshot = (await blob.createSnapshot()).snapshot ?? ''
  await blob.upload('second', 6)
  await box.setAccessPolicy(undefined, [
    { id: 'reading', accessPolicy: { permissions: 'r', expiresOn: new Date(Date.now() + HOUR) } },
  ])
})

afterAll(() => bench.close())

/** The query of a SAS as the vendor's package signs it: to read the container for an hour, but for what is given. */
function sas(more: Partial<BlobSASSignatureValues> = {}): string {
  const whole = more.identifier === undefined
  const values = {
    containerName: 'box',
    ...(whole ? { permissions: ContainerSASPermissions.parse('r'), expiresOn: new Date(Date.now() + HOUR) } : {}),
    ...more,
  }
  return generateBlobSASQueryParameters(values, new StorageSharedKeyCredential(bench.account, bench.key)).toString()
}

function get(query: string): Promise<number> {
  return bench.raw('GET', `/box/there?${query}`, { 'x-ms-version': '2024-11-04' })
}

const ofSnapshot = () => `snapshot=${encodeURIComponent(snapshot)}`

describe('a SAS', () => {
  it('that is bound to addresses is good from one of them', async () => {
    expect(await get(sas({ ipRange: { start: '127.0.0.1' } }))).toBe(200)
    expect(await get(sas({ ipRange: { start: '127.0.0.0', end: '127.0.0.9' } }))).toBe(200)
    expect(await get(sas({ ipRange: { start: '10.0.0.1' } }))).toBe(403)
    expect(await get(sas({ ipRange: { start: '10.0.0.1', end: '126.255.255.255' } }))).toBe(403)
    expect(await get(sas({ ipRange: { start: '127.0.0.1x' } }))).toBe(403)
  })

  it('is for https, or for both protocols', async () => {
    expect(await get(sas({ protocol: SASProtocol.Https }))).toBe(200)
    expect(await get(sas({ protocol: SASProtocol.HttpsAndHttp }))).toBe(200)
    expect(await get(sas({ protocol: 'http' as SASProtocol }))).toBe(403)
  })

  it('of a version that is none is refused, though it is signed', async () => {
    const fields = { sp: 'r', se: '2099-01-01T00:00:00Z', sr: 'c', sv: 'zzzz' }
    const text = ['r', '', fields.se, `/blob/${bench.account}/box`, '', '', '', 'zzzz', 'c', '', '', '', '', '', '', '']
    const sig = hmac(bench.key, text.join('\n'))
    expect(await get(new URLSearchParams({ ...fields, sig }).toString())).toBe(403)
  })

  it('of a container opens the snapshots in it, of a snapshot that one alone, and of a blob none', async () => {
    const ofOne = sas({ blobName: 'there', snapshotTime: snapshot })
    const ofBlob = sas({ blobName: 'there' })
    expect(await get(`${ofSnapshot()}&${sas()}`)).toBe(200)
    expect(await get(`${ofSnapshot()}&${ofOne}`)).toBe(200)
    expect(await get(ofOne)).toBe(403)
    expect(await get(ofBlob)).toBe(200)
    expect(await get(`${ofSnapshot()}&${ofBlob}`)).toBe(403)
  })

  it('of a container lets tags find its blobs where it is for that', async () => {
    const find = async (letters: string) => {
      const query = sas({ permissions: ContainerSASPermissions.parse(letters) })
      const where = encodeURIComponent(`"step"='1'`)
      const path = `/box?restype=container&comp=blobs&where=${where}&${query}`
      return bench.raw('GET', path, { 'x-ms-version': '2024-11-04' })
    }
    expect([await find('f'), await find('rl')]).toEqual([200, 403])
  })

  it('of a container sends a batch of what it may do in there', async () => {
    const blob = bench.service.getContainerClient('box').getBlockBlobClient('batched')
    await blob.upload('x', 1)
    const query = sas({ permissions: ContainerSASPermissions.parse('d') })
    const url = `${urlOf(bench.account)}/box?${query}`
    const client = new ContainerClient(url, new AnonymousCredential(), bench.options).getBlobBatchClient()
    const { subResponses } = await client.deleteBlobs([`${blob.url}?${query}`], new AnonymousCredential())
    expect(subResponses.map(({ status }) => status)).toEqual([202])
    expect(await blob.exists()).toBe(false)
  })

  it('is not widened by a parameter that stands in the URL twice', async () => {
    const ofOne = sas({ blobName: 'there', snapshotTime: snapshot })
    expect(await get(`${ofSnapshot()}&${sas({ blobName: 'there' })}&snapshot=`)).toBe(403)
    expect(await get(`snapshot=&${ofOne}&${ofSnapshot()}`)).toBe(403)
    expect(await get(`sp=rwd&${sas()}`)).toBe(403)
  })

  it('with an access policy takes each of its bounds from one of both', async () => {
    expect(await get(sas({ identifier: 'reading' }))).toBe(200)
    expect(await get(sas({ identifier: 'reading', permissions: ContainerSASPermissions.parse('rwd') }))).toBe(403)
    expect(await get(sas({ identifier: 'reading', expiresOn: new Date(Date.now() + 99 * HOUR) }))).toBe(403)
    expect(await get(sas({ identifier: 'gone' }))).toBe(403)
  })
})
