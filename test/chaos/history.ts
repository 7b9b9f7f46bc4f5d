import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PYTHON = `${ROOT}.venv/bin/python`
const LARGE_BYTES = 5 * 1024 ** 3

/** Kills so many copies of a run history, and carries an artifact of 5 GiB. True if both ends were the same. */
export function playHistory({ rounds, seed }: { readonly rounds: number; readonly seed: number }): boolean {
  if (!existsSync(PYTHON)) {
    process.stderr.write(`${PYTHON} is not there: \`node test/clients/run.ts history_kills\` makes it.\n`)
    return false
  }
  return python('kills.py', String(rounds), String(seed)) && python('large.py', String(LARGE_BYTES))
}

function python(name: string, ...args: readonly string[]): boolean {
  const { status } = spawnSync(PYTHON, [`${ROOT}test/history/${name}`, ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  return status === 0
}
