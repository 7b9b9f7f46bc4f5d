import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Folder } from './folder.ts'
import { Mirror } from './mirror.ts'

let local = ''
beforeEach(() => {
  local = mkdtempSync(join(tmpdir(), 'mirror-'))
})
afterEach(() => rmSync(local, { recursive: true, force: true }))

/** Storage in memory that writes down the order of what happens to it. */
function storage(files: Record<string, string> = {}, during: (name: string) => void = () => undefined) {
  const stored = new Map(Object.entries(files))
  const done: string[] = []
  const folder: Folder = {
    list: async function* () {
      yield* stored.keys()
    },
    read: async (name) => Readable.from(Buffer.from(stored.get(name) ?? '')),
    write: async (name, body) => {
      during(name)
      stored.set(name, await text(body))
      done.push(`write ${name}`)
    },
    remove: async (name) => {
      stored.delete(name)
      done.push(`remove ${name}`)
    },
  }
  return { folder, stored, done }
}

const put = (name: string, content: string) => writeFileSync(join(local, name), content)

describe('a mirror of a folder', () => {
  it('starts with what is in storage, and does not send it back', async () => {
    const { folder, done } = storage({ 'a/b.txt': 'old', c: 'kept' })
    const mirror = new Mirror(local, folder)

    await mirror.fetch()
    await mirror.pass()
    await mirror.finish()

    expect(readFileSync(join(local, 'a/b.txt'), 'utf8')).toBe('old')
    expect(done).toEqual([])
  })

  it('leaves out what a disk cannot hold, by its name', async () => {
    const { folder } = storage({ a: 'file', 'a/b': 'below a file', '../c': 'above', 'd//e': 'no name', f: 'kept' })
    const mirror = new Mirror(local, folder)

    expect(await mirror.fetch()).toEqual(['a/b', '../c', 'd//e'])
    expect(readFileSync(join(local, 'a'), 'utf8')).toBe('file')
    expect(readFileSync(join(local, 'f'), 'utf8')).toBe('kept')
  })

  it('carries a file once it has held still', async () => {
    const { folder, stored } = storage()
    const mirror = new Mirror(local, folder)
    put('model', 'one')
    await mirror.pass()
    expect([...stored]).toEqual([])

    await mirror.pass()

    expect([...stored]).toEqual([['model', 'one']])
  })

  it('carries what is left at the end, and removes what is gone', async () => {
    const { folder, stored } = storage({ old: 'x' })
    const mirror = new Mirror(local, folder)
    await mirror.fetch()
    rmSync(join(local, 'old'))
    mkdirSync(join(local, 'deep'))
    put('deep/new', 'y')

    await mirror.finish()

    expect([...stored]).toEqual([['deep/new', 'y']])
  })

  it('stores the new name of a renamed file before it removes the old', async () => {
    const { folder, done } = storage({ 'ckpt.tmp': 'state' })
    const mirror = new Mirror(local, folder)
    await mirror.fetch()
    renameSync(join(local, 'ckpt.tmp'), join(local, 'ckpt'))

    await mirror.finish()

    expect(done).toEqual(['write ckpt', 'remove ckpt.tmp'])
  })

  it('leaves what was stored where a file changes while it is read, and holds back what was written after it', async () => {
    let touched = false
    const { folder, stored } = storage({}, (name) => {
      if (name === 'state' && !touched) {
        touched = true
        put('state', 'second, and longer')
      }
    })
    const mirror = new Mirror(local, folder)
    put('state', 'first')
    await new Promise((resolve) => setTimeout(resolve, 10))
    put('latest', 'state')

    await mirror.pass()
    await mirror.pass()
    expect([...stored.keys()]).toEqual([])

    await mirror.finish()
    expect(Object.fromEntries(stored)).toEqual({ state: 'second, and longer', latest: 'state' })
  })

  it('follows no symbolic link', async () => {
    const { folder, stored } = storage()
    symlinkSync('/etc/hostname', join(local, 'link'))
    symlinkSync('/etc', join(local, 'links'))

    await new Mirror(local, folder).finish()

    expect([...stored.keys()]).toEqual([])
  })

  it('refuses names that would lead out of the folder, and names them', async () => {
    const { folder } = storage({ '../../evil': 'x', 'a//b': 'x', good: 'x' })

    expect(await new Mirror(local, folder).fetch()).toEqual(['../../evil', 'a//b'])
  })
})
