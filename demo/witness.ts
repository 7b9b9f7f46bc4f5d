/** One line of the emulator's own record of what a region acknowledged. */
export interface Acknowledged {
  readonly seq: number
  readonly at: string
  readonly plane: string
  readonly operation: string
  readonly method: string
  readonly target: string
  readonly client: string
  readonly caller: string
  readonly status: number
  readonly subject: string
  readonly sha256: string | null
  readonly body: string | null
  readonly facts: string | null
}

const MOST_LINES = 10_000

/** Everything a region acknowledged, in order. It works for a region whose process is dead. */
export async function witness(control: string, region: string): Promise<readonly Acknowledged[]> {
  const lines: Acknowledged[] = []
  for (;;) {
    const url = `${control}/emulator/activity/${region}?after=${lines.at(-1)?.seq ?? 0}&limit=${MOST_LINES}`
    const answer = await fetch(url)
    if (!answer.ok) throw new Error(`The record of ${region} was answered ${answer.status}`)
    const { lines: got } = (await answer.json()) as { lines: readonly Acknowledged[] }
    lines.push(...got)
    if (got.length === 0) return lines
  }
}

/** A thing that was acknowledged, with its last acknowledged state before an instant and whether it changed after. */
export interface Subject {
  /** `asset/models/churn/versions/3`, `run/{id}`, `blob/{container}/{name}`, `job/{name}`, `experiment/{id}`. */
  readonly name: string
  readonly lines: readonly Acknowledged[]
}

/** Sorts a record by what it is about, leaving out what is not the team's work: accounts, keys, the workspace itself. */
export function subjectsOf(
  lines: readonly Acknowledged[],
  about: { readonly workspace: string; readonly storage: string },
): Subject[] {
  const byName = new Map<string, Acknowledged[]>()
  for (const line of lines) {
    const name = nameOf(line, about)
    if (name === undefined) continue
    const known = byName.get(name)
    if (known === undefined) byName.set(name, [line])
    else known.push(line)
  }
  return [...byName].map(([name, of]) => ({ name, lines: of }))
}

function nameOf(
  line: Acknowledged,
  { workspace, storage }: { workspace: string; storage: string },
): string | undefined {
  const { subject, plane } = line
  if (subject.toLowerCase().startsWith(`${workspace.toLowerCase()}/`)) {
    const below = subject.slice(workspace.length + 1)
    return below.startsWith('jobs/') ? `job/${below.slice(5)}` : `asset/${below}`
  }
  if (subject.startsWith(`blob/${storage}/`)) return `blob/${subject.slice(storage.length + 6)}`
  if (plane === 'mlflow' || plane === 'history') {
    const [kind, , id] = subject.split('/')
    return kind === 'run' || kind === 'experiment' ? `${kind}/${id}` : undefined
  }
  return undefined
}
