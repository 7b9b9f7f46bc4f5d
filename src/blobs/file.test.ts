import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { blobStoreConforms } from './conformance.ts'
import { fileStore } from './file.ts'
import { nameOfPath, pathOfName } from './file-names.ts'

const folders: string[] = []

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'holdfast-blobs-'))
  folders.push(made)
  return made
}

afterEach(async () => {
  for (const made of folders.splice(0)) await rm(made, { recursive: true, force: true })
})

blobStoreConforms('a folder', async () => fileStore(await folder()))

describe('names in a folder', () => {
  it('come back as they were, stay in the folder and never meet', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 300 }), { minLength: 1 }), (parts) => {
        const name = parts.join('/').toWellFormed()
        const path = pathOfName(name)
        expect(nameOfPath(path)).toBe(name)
        expect(path.split('/').every((segment) => !/^\.*$/.test(segment) && segment.length < 200)).toBe(true)
        expect(path.startsWith('/')).toBe(false)
      }),
    )
  })

  it('cannot climb out', async () => {
    const root = await folder()
    const signal = AbortSignal.timeout(10_000)
    for (const name of ['../../etc/passwd', '/etc/passwd', '..', '.', '', '//', 'a/../../b', '\u0000']) {
      await fileStore(join(root, 'inner')).put(name, Buffer.from(name), { signal })
    }
    expect(await readdir(root)).toEqual(['inner'])
  })
})

describe('a folder after a crash', () => {
  it('shows nothing of a write that was cut off', async () => {
    const root = await folder()
    const signal = AbortSignal.timeout(10_000)
    const store = fileStore(root)
    await store.put('one', Buffer.from('1'), { signal })
    await writeFile(join(root, 'two#8b0f-unpublished'), 'half')
    await writeFile(join(root, 'one#8b0f-unpublished.json'), '{"half"')
    const names: string[] = []
    for await (const info of fileStore(root).list('', signal)) names.push(info.name)
    expect(names).toEqual(['one'])
  })

  it('names a blob whose bytes were cut off', async () => {
    const root = await folder()
    const signal = AbortSignal.timeout(10_000)
    const store = fileStore(root)
    await store.put('one', Buffer.from('12345'), { signal })
    const bytes = (await readdir(root)).find((name) => name !== 'one#') ?? ''
    await writeFile(join(root, bytes), '12')
    await expect(store.get('one', { signal })).rejects.toEqual(expect.objectContaining({ code: 'blob/damaged' }))
  })
})
