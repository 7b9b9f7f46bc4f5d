import { vi } from 'vitest'
import { run } from '../../src/cli/program.ts'

/** What a command line came to. */
export interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs a command line of holdfast in this process, as in a pipe. */
export async function holdfast(...args: readonly string[]): Promise<Ended> {
  const [out, err]: [string[], string[]] = [[], []]
  const spies = [spied(process.stdout, out), spied(process.stderr, err)]
  const before = process.exitCode
  process.exitCode = 0
  try {
    await run(['node', 'holdfast', ...args])
    return { code: Number(process.exitCode), out: out.join(''), err: err.join('') }
  } finally {
    process.exitCode = before
    for (const spy of spies) spy.mockRestore()
  }
}

/** The facts of a command line: standard output must be one JSON value and nothing else. */
export async function facts(...args: readonly string[]): Promise<{ code: number; value: Record<string, unknown> }> {
  const { code, out } = await holdfast(...args, '--json')
  return { code, value: JSON.parse(out) as Record<string, unknown> }
}

function spied(stream: NodeJS.WriteStream, into: string[]) {
  return vi.spyOn(stream, 'write').mockImplementation((chunk) => into.push(String(chunk)) > 0)
}
