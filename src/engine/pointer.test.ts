import { spawnSync } from 'node:child_process'
import {
  closeSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { type Active, point, pointAll, workspaceNames } from './pointer.ts'

const root = mkdtempSync(join(tmpdir(), 'holdfast-pointer-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
const signal = AbortSignal.timeout(20_000)

const active: Active = {
  name: '/subscriptions/s1/resourceGroups/g1/providers/Microsoft.MachineLearningServices/workspaces/churn-dr',
  location: 'centralus',
  side: 'secondary',
  epoch: 7,
}

it('writes what from_config() reads, keeps other fields and leaves nothing beside it', async () => {
  const path = join(root, 'deep', 'config.json')
  expect(await point({ file: path }, active, signal)).toMatchObject({ changed: true })
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({
    subscription_id: 's1',
    resource_group: 'g1',
    workspace_name: 'churn-dr',
  })
  writeFileSync(
    path,
    JSON.stringify({ subscription_id: 'old', resource_group: 'old', workspace_name: 'old', theirs: 1 }),
  )
  await point({ file: path }, active, signal)
  expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ workspace_name: 'churn-dr', theirs: 1 })
  expect(await point({ file: path }, active, signal)).toMatchObject({ changed: false })
  expect(readdirSync(join(root, 'deep'))).toEqual(['config.json'])
})

it('sets its own lines of an environment file and no others', async () => {
  const path = join(root, 'active.env')
  writeFileSync(path, 'EDITOR=vi\nAZUREML_ARM_WORKSPACE_NAME=old\n')
  await point({ env: path }, active, signal)
  const lines = readFileSync(path, 'utf8').trim().split('\n')
  expect(lines).toContain('EDITOR=vi')
  expect(lines.filter((line) => line.startsWith('AZUREML_ARM_WORKSPACE_NAME='))).toEqual([
    'AZUREML_ARM_WORKSPACE_NAME=churn-dr',
  ])
  expect(await point({ env: path }, active, signal)).toMatchObject({ changed: false })
})

it('guards I7: leaves a file its rights, and a link where it leads', async () => {
  const [path, link] = [join(root, 'secret.env'), join(root, 'link.env')]
  writeFileSync(path, 'TOKEN=s3cret\n\n# of the team\n', { mode: 0o600 })
  symlinkSync(path, link)
  expect(await point({ env: link }, active, signal)).toMatchObject({ changed: true })
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(lstatSync(link).isSymbolicLink()).toBe(true)
  expect(readFileSync(path, 'utf8')).toMatch(/^TOKEN=s3cret\n\n# of the team\nAZUREML_ARM_SUBSCRIPTION=s1\n/)
})

it('waits for no file that never answers, names it, and moves the others', async () => {
  const [hanging, path] = [join(root, 'hanging'), join(root, 'after.json')]
  // Nobody ever writes to it, so that reading it never ends.
  if (spawnSync('mkfifo', [hanging]).status !== 0)
    return console.info('No pipe can be made here: that a file hangs is not tried.')
  const limits = { signal, callMilliseconds: 1000, permit: () => undefined }
  const { moved, left } = await pointAll([{ file: hanging }, { file: path }], active, limits)
  expect(moved.map(({ target }) => target)).toEqual([path])
  expect(left).toEqual([{ target: hanging, why: 'it did not answer in time' }])
  closeSync(openSync(hanging, 'r+'))
})

it('names a tracking server by the variable that its clients read, and in a file', async () => {
  const server: Active = { ...active, name: 'https://mlflow.example', location: 'mlflow.example' }
  const [env, file] = [join(root, 'server.env'), join(root, 'server.json')]
  writeFileSync(env, 'EDITOR=vi\nMLFLOW_TRACKING_URI=https://old.example\n')
  await point({ env }, server, signal)
  await point({ file }, server, signal)
  expect(readFileSync(env, 'utf8').trim().split('\n')).toEqual([
    'EDITOR=vi',
    'MLFLOW_TRACKING_URI=https://mlflow.example',
    'HOLDFAST_ACTIVE_SIDE=secondary',
  ])
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ tracking_uri: 'https://mlflow.example' })
})

it('tells a webhook once per epoch by its idempotency key, and says when it refuses', async () => {
  const keys: (string | undefined)[] = []
  let status = 200
  const server = createServer((request, response) => {
    keys.push(request.headers['idempotency-key'] as string | undefined)
    response.writeHead(status).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const webhook = `http://127.0.0.1:${(server.address() as AddressInfo).port}/moved`
  await point({ webhook }, active, signal)
  await point({ webhook }, active, signal)
  expect(new Set(keys).size).toBe(1)
  // Guards: a receiver that hears of two protections would take one for a repetition of the other.
  await point({ webhook }, { ...active, name: active.name.replace('churn', 'fraud') }, signal)
  await point({ webhook }, { ...active, epoch: 8 }, signal)
  expect(new Set(keys).size).toBe(3)
  status = 500
  await expect(point({ webhook }, active, signal)).rejects.toMatchObject({ code: 'azure/refused' })
  server.closeAllConnections()
  server.close()
})

it('names a webhook that no client can ask, and moves the others', async () => {
  const path = join(root, 'beside.json')
  const targets = [{ webhook: 'https://hooks.example:PORT/x?code=1' }, { file: path }]
  const { moved, left } = await pointAll(targets, active, { signal, callMilliseconds: 1000, permit: () => undefined })
  expect(moved.map(({ target }) => target)).toEqual([path])
  expect(left).toHaveLength(1)
  expect(JSON.stringify(left)).not.toContain('code=1')
})

it('refuses an id that is not of a workspace', () => {
  expect(() => workspaceNames('/subscriptions/s1/resourceGroups/g1')).toThrow(/not the id of a workspace/)
})
