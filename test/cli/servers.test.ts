import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { kindsOf } from '../../src/cli/compose/kinds.ts'
import { parsePolicies } from '../../src/cli/policy-file.ts'
import { FAULTS } from '../../src/core/errors.ts'
import { facts, holdfast } from '../support/command-line.ts'
import { freePorts } from '../support/free-ports.ts'

const root = mkdtempSync(join(tmpdir(), 'holdfast-servers-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
const policy = join(root, 'holdfast.yaml')
/** At which nobody listens any more. */
const [port] = await freePorts(1)
const EAST = `http://127.0.0.1:${port}`
const WEST = `${EAST}/west`

it('writes a first policy for two tracking servers, and asks neither', async () => {
  const alone = await holdfast('init', '--server', EAST, '--policy', policy)
  expect(alone).toMatchObject({ code: 2, err: expect.stringContaining('--secondary-server') })
  const { code, out } = await holdfast('init', '--server', `${EAST}/`, '--secondary-server', WEST, '--policy', policy)
  expect([code, out]).toEqual([0, expect.stringContaining('nothing can stop those who do not')])
  const [written] = parsePolicies(readFileSync(policy, 'utf8'), policy, kindsOf)
  expect(written).toMatchObject({
    primary: { server: EAST },
    secondary: { server: WEST },
    pointer: [{ env: 'active.env' }],
  })
})

it('says how the pair stands, and what would be lost, while neither answers', async () => {
  const { code, out } = await holdfast('status', '--policy', policy)
  expect([code, out]).toEqual([0, expect.stringContaining(`primary is active (epoch 0)\n  ${EAST}`)])
  expect((await holdfast('loss', '--policy', policy)).code).toBe(0)
  const shown = await holdfast('config', '--file', '-', '--policy', policy)
  expect(JSON.parse(shown.out)).toEqual({ tracking_uri: EAST })
  const file = join(root, 'config.json')
  for (const changed of [true, false]) {
    const { value } = await facts('config', '--file', file, '--policy', policy)
    expect(value).toEqual({ side: 'primary', epoch: 0, tracking_uri: EAST, file, changed })
  }
})

it('says which server does not answer, and carries nothing', async () => {
  const { code, err, out } = await holdfast('apply', '--policy', policy)
  expect([code, out]).toEqual([FAULTS['azure/unreachable'].exit, ''])
  expect(err).toContain(`${WEST} did not answer`)
})

it('keeps one state of a protection, whether the folder of its policy is named or the file', async () => {
  const folder = join(root, 'policies')
  mkdirSync(folder)
  const file = join(folder, 'runs.yaml')
  await holdfast('init', '--server', EAST, '--secondary-server', WEST, '--name', 'runs', '--policy', file)
  await holdfast('pause', '--why', 'network work', '--policy', folder)
  expect((await holdfast('status', '--policy', file)).out).toContain('network work')
  expect(existsSync(join(folder, '.holdfast', 'runs', 'store.db'))).toBe(true)
})
