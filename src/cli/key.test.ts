import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { keyFile, lacksKey, sharedKey } from './key.ts'

const root = mkdtempSync(join(tmpdir(), 'holdfast-key-'))
beforeAll(() => void vi.stubEnv('HOLDFAST_KEY', undefined))
afterAll(() => {
  vi.unstubAllEnvs()
  rmSync(root, { recursive: true, force: true })
})

it('is made once, for its owner alone, and nothing is left beside it', () => {
  const dir = join(root, 'made')
  expect(lacksKey(dir)).toBe(true)
  const key = sharedKey(dir)
  expect(key).toMatch(/^[\w-]{43}$/)
  expect(sharedKey(dir)).toBe(key)
  expect([readdirSync(dir), statSync(keyFile(dir)).mode & 0o777]).toEqual([['key'], 0o600])
})

it('is never empty: whoever signs with nothing would be believed', () => {
  const dir = join(root, 'empty')
  mkdirSync(dir)
  writeFileSync(keyFile(dir), '\n')
  expect(() => sharedKey(dir)).toThrow(`${keyFile(dir)} is empty`)
})
