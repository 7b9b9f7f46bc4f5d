import type { TestEmulator } from '../support/emulator.ts'
import type { ChaosClient, SentWrite } from './client.ts'

/** Lines of a place's record, as far as they matter here. */
interface Line {
  readonly seq: number
  readonly at: string
  readonly client: string
  readonly method: string
  readonly target: string
}

const MARK = /[?&]mark=(\d+)/

/**
 * Compares the records of the emulator's places with what clients have sent.
 *
 * Every acknowledged write must have its line, lines of one client in one place must be in the order in which it wrote, numbers must have no
 * gaps, and nothing may stand there that nobody sent.
 */
export class RecordCheck {
  readonly #places: readonly string[]
  readonly #seen = new Map<string, number>()

  constructor(places: readonly string[]) {
    this.#places = places
  }

  /** Reads what is new, compares it with what was sent, and lets the clients forget that. Gives what is wrong. */
  async verify(emulator: TestEmulator, clients: readonly ChaosClient[]): Promise<readonly string[]> {
    const wrong: string[] = []
    const found = new Map<string, Set<number>>(clients.map(({ name }) => [name, new Set<number>()]))
    for (const place of this.#places) {
      const lines = (await emulator.activity(place, this.#seen.get(place) ?? 0)) as unknown as readonly Line[]
      wrong.push(...gapsIn(lines, this.#seen.get(place) ?? 0).map((gap) => `the record of ${place} ${gap}`))
      wrong.push(...this.#ordered(place, lines, { clients, found }))
      this.#seen.set(place, lines.at(-1)?.seq ?? this.#seen.get(place) ?? 0)
    }
    for (const client of clients) {
      const there = found.get(client.name)
      const lost = client.sent.filter(
        (write) => write.acknowledged && isWritten(write) && there?.has(write.mark) !== true,
      )
      wrong.push(...lost.map(({ what }) => `${what} of ${client.name} was acknowledged and has no line`))
      client.forget()
    }
    return wrong
  }

  #ordered(
    place: string,
    lines: readonly Line[],
    { clients, found }: { clients: readonly ChaosClient[]; found: ReadonlyMap<string, Set<number>> },
  ): readonly string[] {
    const wrong: string[] = []
    for (const client of clients) {
      const sent = new Set(client.sent.map(({ mark }) => mark))
      let last = 0
      for (const { target, method } of lines.filter((line) => line.client === client.name)) {
        const mark = Number(MARK.exec(target)?.[1] ?? 0)
        // What a deployment does, it does in the name of its caller and without a mark.
        if (mark === 0) continue
        if (!sent.has(mark)) wrong.push(`${place} has a line that ${client.name} never sent: ${method} ${target}`)
        if (mark <= last) wrong.push(`${place} has ${method} ${target} of ${client.name} after a later one`)
        last = mark
        found.get(client.name)?.add(mark)
      }
    }
    return wrong
  }
}

function gapsIn(lines: readonly Line[], after: number): readonly string[] {
  return lines.flatMap(({ seq, at }, index) => {
    const before = lines[index - 1]
    if (seq !== (before?.seq ?? after) + 1) return [`goes from line ${before?.seq ?? after} to ${seq}`]
    return before !== undefined && at < before.at ? [`has line ${seq} before its time`] : []
  })
}

/** A removal of what is not there changes nothing and may have no line. */
function isWritten({ what }: SentWrite): boolean {
  return !what.startsWith('DELETE')
}
