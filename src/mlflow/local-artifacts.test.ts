import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { localArtifacts } from './local-artifacts.ts'

const signal = AbortSignal.timeout(20_000)
let home = ''

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'local-artifacts-'))
  await mkdir(join(home, 'runs/r1/a b'), { recursive: true })
  await writeFile(join(home, 'runs/r1/a b/100%.txt'), 'bytes')
  await writeFile(join(home, 'secret'), 'secret')
  await mkdir(join(home, 'runs/r2'))
  await symlink(join(home, 'secret'), join(home, 'runs/r2/link'))
  await symlink(home, join(home, 'runs/out'))
})
afterAll(() => rm(home, { recursive: true }))

const artifacts = () => localArtifacts([join(home, 'runs')])

async function all(root: string): Promise<readonly string[]> {
  const found: string[] = []
  for await (const { path, length } of artifacts().files(root, signal)) found.push(`${path} ${length}`)
  return found
}

async function text(root: string, path: string): Promise<string | undefined> {
  const chunks: Uint8Array[] = []
  const bytes = await artifacts().read(root, path, signal)
  if (bytes === undefined) return undefined
  for await (const chunk of bytes) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

it('reads the files of a run by its path and by its URI', async () => {
  const path = join(home, 'runs/r1')
  for (const root of [path, pathToFileURL(path).href]) {
    expect(artifacts().reaches(root)).toBe(true)
    expect(await all(root)).toEqual(['a b/100%.txt 5'])
    expect(await text(root, 'a b/100%.txt')).toBe('bytes')
  }
})

it('takes the folder of a run that has no files yet for an empty one, and nothing that a link leads to', async () => {
  for (const root of [join(home, 'runs/r3/artifacts'), pathToFileURL(join(home, 'runs/r3')).href]) {
    expect(artifacts().reaches(root)).toBe(true)
    expect(await all(root)).toEqual([])
    expect(await text(root, 'x')).toBeUndefined()
  }
  await symlink(join(home, 'later'), join(home, 'runs/dangling'))
  const elsewhere = [
    join(home, 'later/r1'),
    join(home, 'runs/out/r9'),
    join(home, 'runs/dangling'),
    `${home}/runs/r9/../../x`,
  ]
  expect(elsewhere.filter((root) => artifacts().reaches(root))).toEqual([])
  await rm(join(home, 'runs/dangling'))
})

it('reaches nothing outside the folders that were named, whatever a server says', async () => {
  const roots = [
    home,
    `${home}/runs/../`,
    `file://${home}`,
    `${home}/runs/out`,
    'file://host/share',
    's3://b/x',
    'runs/r1',
  ]
  expect(roots.filter((root) => artifacts().reaches(root))).toEqual([])
  expect(await text(join(home, 'runs/r1'), '../../secret')).toBeUndefined()
  expect(await text(join(home, 'runs/r2'), 'link')).toBeUndefined()
  await expect(all(join(home, 'runs/r2'))).rejects.toMatchObject({ code: 'azure/refused' })
})

it('says of a file that it cannot be read, whenever somebody begins to, and not of who was to get it', async () => {
  // A folder in the place of the file can be opened and not read, whoever runs this.
  const root = join(home, 'runs/r1')
  const bytes = await artifacts().read(root, 'a b', signal)
  await new Promise((resolve) => setTimeout(resolve, 20))
  await expect(Array.fromAsync(bytes ?? [])).rejects.toMatchObject({
    code: 'azure/refused',
    message: expect.stringContaining('a b cannot be read: EISDIR'),
  })
})
