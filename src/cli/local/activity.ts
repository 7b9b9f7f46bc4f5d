import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import { wholeNumber } from '../arguments.ts'
import type { Terminal } from '../terminal.ts'
import type { Act } from '../verb.ts'
import { type ActivityLine, type Emulator, needEmulator } from './emulator.ts'

/** What `holdfast local activity` takes. */
interface Asked {
  readonly dir: string
  readonly calls?: boolean
  readonly follow?: boolean
  readonly last: number
  readonly plane?: string
  readonly operation?: string
  readonly client?: string
  readonly caller?: string
  readonly path?: string
  readonly since?: string
  readonly until?: string
}

type Placed = ActivityLine & { readonly place: string }

const FILTERS = ['plane', 'operation', 'client', 'caller', 'path', 'since', 'until'] as const
const LOOK_MILLISECONDS = 500

export const ACTIVITY_EXAMPLES = [
  'holdfast local activity',
  "holdfast local activity eastus2 --operation 'model*' --client laptop --json",
  'holdfast local activity --follow',
] as const

export function withActivityOptions(command: Command): Command {
  return command
    .argument('[place]', 'a region, or front; all of them if left out')
    .option('--plane <plane>', 'only of this plane')
    .option('--operation <name>', 'only of this operation, with * for any part')
    .option('--client <name>', 'only of the client that `holdfast local env --client` gave this name')
    .option('--caller <id>', 'only in the name of this principal')
    .option('--path <prefix>', 'only where the path begins so, with * for any part')
    .option('--since <time>', 'only from this time on')
    .option('--until <time>', 'only before this time')
    .option('--calls', 'every call that was recorded, and not acknowledged writes alone')
    .option('--last <n>', 'how many lines at most', wholeNumber(1, 10_000), 50)
    .option('--follow', 'go on with what comes, until it is ended')
}

/** Shows what the emulator acknowledged, when and to whom. */
export const activity: Act<Asked & { readonly place?: string }> = async (asked, io) => {
  const emulator = needEmulator(asked.dir)
  const { regions, everyCall } = await emulator.status()
  const places = asked.place === undefined ? ['front', ...regions.map(({ name }) => name)] : [asked.place]
  if (asked.calls === true && everyCall !== true) {
    io.warn('Calls are not being recorded. Begin with `holdfast local record calls`.')
  }
  const found = await Promise.all(places.map((place) => linesOf(emulator, place, queryOf(asked, asked.last))))
  const lines = found.flat().sort(byTime).slice(-asked.last)
  if (asked.follow === true) return follow(io, { emulator, asked, places, lines })
  io.facts({ lines })
  io.say(lines.length === 0 ? 'Nothing was recorded.' : io.table(HEAD, lines.map(rowOf)))
}

async function follow(
  io: Terminal,
  of: { emulator: Emulator; asked: Asked; places: readonly string[]; lines: readonly Placed[] },
): Promise<void> {
  const { emulator, asked, places } = of
  const seen = new Map<string, number>()
  const print = (lines: readonly Placed[]): void => {
    for (const line of lines) {
      seen.set(line.place, Math.max(line.seq, seen.get(line.place) ?? 0))
      io.event(line)
      if (!io.json) io.say(rowOf(line).join('  '))
    }
  }
  print(of.lines)
  for (;;) {
    const news = places.map((place) =>
      linesOf(emulator, place, { ...queryOf(asked), after: String(seen.get(place) ?? 0) }),
    )
    print((await Promise.all(news)).flat().sort(byTime))
    await sleep(LOOK_MILLISECONDS)
  }
}

async function linesOf(
  emulator: Emulator,
  place: string,
  query: Readonly<Record<string, string>>,
): Promise<readonly Placed[]> {
  return (await emulator.activity(place, query)).map((line) => ({ place, ...line }))
}

function queryOf(asked: Asked, last?: number): Readonly<Record<string, string>> {
  const filters = FILTERS.flatMap((name) => {
    const value = asked[name]
    return value === undefined ? [] : [[name, value]]
  })
  const of = asked.calls === true ? { of: 'calls' } : {}
  return { ...Object.fromEntries(filters), ...of, ...(last === undefined ? {} : { last: String(last) }) }
}

const HEAD = ['TIME', 'PLACE', 'PLANE', 'CLIENT', 'STATUS', 'OPERATION', 'WHAT']

function rowOf({ at, place, plane, client, status, operation, method, subject, target }: Placed): string[] {
  const what = subject === undefined || subject === '' ? `${method} ${target}` : subject
  return [at, place, plane, client, String(status), operation, what]
}

function byTime(one: Placed, other: Placed): number {
  return one.at < other.at ? -1 : one.at > other.at ? 1 : 0
}
