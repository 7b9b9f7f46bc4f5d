import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import type { BlobInfo, BlobStore } from './blob-store.ts'

/** What every blob store must do. `open` gives a fresh, empty one. */
export function blobStoreConforms(name: string, open: () => Promise<BlobStore>): void {
  const signal = AbortSignal.timeout(120_000)

  async function listed(store: BlobStore, prefix = ''): Promise<BlobInfo[]> {
    const found: BlobInfo[] = []
    for await (const info of store.list(prefix, signal)) found.push(info)
    return found
  }

  async function bytesOf(store: BlobStore, blob: string): Promise<Buffer | undefined> {
    const found = await store.get(blob, { signal })
    return found === undefined ? undefined : buffer(found.bytes)
  }

  describe(`${name} conforms`, () => {
    it('gives undefined for what is not there, and lists nothing', async () => {
      const store = await open()
      expect(await store.head('none', signal)).toBeUndefined()
      expect(await store.get('none', { signal })).toBeUndefined()
      expect(await listed(store)).toEqual([])
      await store.remove('none', { signal })
    })

    it('gives back bytes, type and metadata, the same by head, get and list', async () => {
      const store = await open()
      const put = await store.put('a/b.txt', Buffer.from('hello'), {
        signal,
        contentType: 'text/plain',
        metadata: { Holdfast_Origin: 'x', other: 'y z' },
      })
      const got = await store.get('a/b.txt', { signal })
      expect(got === undefined ? undefined : String(await buffer(got.bytes))).toBe('hello')
      const expected = {
        name: 'a/b.txt',
        length: 5,
        contentType: 'text/plain',
        etag: put.etag,
        md5: 'XUFAKrxLKna5cZ2REBfFkg==',
      }
      const metadata = { holdfast_origin: 'x', other: 'y z' }
      for (const info of [put, got?.info, await store.head('a/b.txt', signal), (await listed(store))[0]]) {
        expect(info).toMatchObject({ ...expected, metadata })
      }
    })

    it('gives back how the bytes are to be read, the same by head, get and list, and nothing of a blob that says nothing', async () => {
      const store = await open()
      const presentation = { contentEncoding: 'gzip', contentLanguage: 'de', cacheControl: 'no-cache' }
      const put = await store.put('a.gz', Buffer.from('1'), { signal, contentType: 'text/csv', presentation })
      const plain = await store.put('b', Buffer.from('1'), { signal })
      const got = await store.get('a.gz', { signal })
      if (got !== undefined) await buffer(got.bytes)
      const [first, second] = await listed(store)
      for (const info of [put, got?.info, await store.head('a.gz', signal), first]) {
        expect(info?.presentation).toEqual(presentation)
      }
      for (const info of [plain, await store.head('b', signal), second]) expect(info?.presentation).toEqual({})
    })

    it('gives another ETag to every write', async () => {
      const store = await open()
      const one = await store.put('same', Buffer.from('1'), { signal })
      const other = await store.put('same', Buffer.from('1'), { signal })
      expect(other.etag).not.toBe(one.etag)
    })

    it('keeps an empty blob', async () => {
      const store = await open()
      await store.put('empty', Buffer.alloc(0), { signal })
      await store.put('empty-stream', Readable.from([]), { signal })
      expect((await bytesOf(store, 'empty'))?.length).toBe(0)
      expect((await bytesOf(store, 'empty-stream'))?.length).toBe(0)
    })

    it('takes a stream that is larger than one call', async () => {
      const store = await open()
      const bytes = randomBytes(20 * 1024 * 1024 + 17)
      const pieces = Array.from({ length: 21 }, (_, n) => bytes.subarray(n * 1024 * 1024, (n + 1) * 1024 * 1024))
      const put = await store.put('large.bin', Readable.from(pieces), { signal, metadata: { a: 'b' } })
      expect(put).toMatchObject({ length: bytes.length, metadata: { a: 'b' } })
      expect(await store.head('large.bin', signal)).toMatchObject({ length: bytes.length, etag: put.etag })
      expect((await bytesOf(store, 'large.bin'))?.equals(bytes)).toBe(true)
    })

    it('publishes nothing of a stream that breaks', async () => {
      const store = await open()
      await store.put('kept', Buffer.from('before'), { signal })
      const broken = () =>
        Readable.from(
          (function* () {
            yield Buffer.from('half')
            throw new Error('the source broke')
          })(),
        )
      await expect(store.put('kept', broken(), { signal })).rejects.toThrow('the source broke')
      await expect(store.put('new', broken(), { signal })).rejects.toThrow('the source broke')
      expect(String(await bytesOf(store, 'kept'))).toBe('before')
      expect((await listed(store)).map((info) => info.name)).toEqual(['kept'])
    })

    it('holds conditions on writing, reading and removing', async () => {
      const store = await open()
      const changed = expect.objectContaining({ code: 'blob/changed' })
      const first = await store.put('one', Buffer.from('1'), { signal, absent: true })
      await expect(store.put('one', Buffer.from('2'), { signal, absent: true })).rejects.toEqual(changed)
      await expect(store.put('none', Buffer.from('2'), { signal, etag: first.etag })).rejects.toEqual(changed)
      const second = await store.put('one', Buffer.from('2'), { signal, etag: first.etag })
      await expect(store.put('one', Buffer.from('3'), { signal, etag: first.etag })).rejects.toEqual(changed)
      await expect(store.get('one', { signal, etag: first.etag })).rejects.toEqual(changed)
      await expect(store.remove('one', { signal, etag: first.etag })).rejects.toEqual(changed)
      expect(String(await bytesOf(store, 'one'))).toBe('2')
      await store.remove('one', { signal, etag: second.etag })
      expect(await store.head('one', signal)).toBeUndefined()
    })

    it('lets one alone of many writers create, and one alone follow', async () => {
      const store = await open()
      const won = async (condition: { absent: true } | { etag: string }) => {
        const tries = Array.from({ length: 5 }, (_, n) =>
          store.put('one', Buffer.from(`${n}`), { signal, ...condition }),
        )
        const done = await Promise.allSettled(tries)
        return done.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
      }
      const [first, ...more] = await won({ absent: true })
      expect(more).toEqual([])
      expect(await won({ etag: first?.etag ?? '' })).toHaveLength(1)
    })

    it('finishes a reading that began before the blob was replaced, or says that it changed', async () => {
      const store = await open()
      const before = randomBytes(3 * 1024 * 1024)
      await store.put('moving', before, { signal })
      const reading = await store.get('moving', { signal })
      await store.put('moving', Buffer.from('after'), { signal })
      const outcome = await buffer(reading?.bytes ?? Readable.from([])).catch((thrown: unknown) => thrown)
      if (Buffer.isBuffer(outcome)) expect(outcome.equals(before)).toBe(true)
      else expect(outcome).toMatchObject({ code: 'blob/changed' })
    })

    it('lists by prefix, in the order of names, and every name as it was given', async () => {
      const store = await open()
      const names = [
        'a',
        'a/b',
        'a-b',
        'a/b/c',
        'A',
        'a b+c&d=?%41.txt',
        'ünï/字.bin',
        '..hidden/x',
        'z#',
        `d/${'n'.repeat(400)}`,
      ]
      for (const one of names) await store.put(one, Buffer.from(one), { signal })
      expect((await listed(store)).map((info) => info.name)).toEqual([...names].sort())
      expect((await listed(store, 'a/')).map((info) => info.name)).toEqual(['a/b', 'a/b/c'])
      expect((await listed(store, 'a/b')).map((info) => info.name)).toEqual(['a/b', 'a/b/c'])
      for (const one of names) expect(String(await bytesOf(store, one))).toBe(one)
    })

    it('removes twice without complaint', async () => {
      const store = await open()
      await store.put('gone', Buffer.from('x'), { signal })
      await store.remove('gone', { signal })
      await store.remove('gone', { signal })
      expect(await listed(store)).toEqual([])
    })

    it('stops when it is told to', async () => {
      const store = await open()
      const stopped = AbortSignal.abort(new Error('enough'))
      await expect(store.head('x', stopped)).rejects.toThrow('enough')
      await expect(store.put('x', Buffer.from('x'), { signal: stopped })).rejects.toThrow('enough')
    })
  })
}
