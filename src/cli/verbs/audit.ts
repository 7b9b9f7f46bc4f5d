import { type Command, InvalidArgumentError } from 'commander'
import { counted } from '../../core/counted.ts'
import { Fault } from '../../core/errors.ts'
import { noticeOf } from '../../core/notice.ts'
import { readable } from '../../core/readable.ts'
import type { JournalHead, JournalRecord } from '../../store/store.ts'
import { wholeNumber } from '../arguments.ts'
import type { Composed } from '../compose/compose.ts'
import { type Protected, protectedVerb, within } from '../protected.ts'
import type { Terminal } from '../terminal.ts'
import { act, examples } from '../verb.ts'

interface Listing extends Protected {
  readonly type?: string
  readonly run?: string
  readonly since?: number
  readonly text?: string
  readonly last: number
}

const LAST = 50

/** `holdfast audit`: what the journal has, and that nothing of it was changed. */
export function auditVerb(): Command {
  return protectedVerb('audit', 'list what was decided and done, as the journal has it')
    .option('--type <prefix>', 'only records whose type begins like this, such as failover/ or step/failed')
    .option('--run <id>', 'only those of one pass or failover')
    .option('--since <instant>', 'only those from then on, such as 2030-01-31 or 2030-01-31T06:00Z', instant)
    .option('--text <text>', 'only those in which this stands, such as an address or a name')
    .option('--last <number>', 'at most so many, the latest', wholeNumber(1, 1_000_000), LAST)
    .addHelpText(
      'after',
      examples(
        'holdfast audit',
        'holdfast audit --type failover/ --last 200',
        'holdfast audit --text model/churn/3',
        'holdfast audit --last 1000000 --json > journal.json',
      ),
    )
    .action(
      act<Listing>((options, io) => within({ ...options, standing: 'any' }, io, (joined) => list(joined, options, io))),
    )
    .addCommand(verifyVerb())
    .addCommand(headVerb())
}

/** `holdfast audit verify`: the chain from end to end. */
function verifyVerb(): Command {
  return protectedVerb('verify', 'verify the whole journal, and name the first record that is not as it was written')
    .option(
      '--head <head>',
      'a head that was kept elsewhere, as `audit head` printed it: that record must still be there',
      head,
    )
    .addHelpText(
      'after',
      `\nA journal that was cut off at its end verifies in itself: a head that was kept shows it. The store keeps the last one beside the journal, and is refused without its record; keep one where nobody who can write the journal can write.\n${examples('holdfast audit verify', 'holdfast audit verify --head 1042:9f8c…')}`,
    )
    .action(
      act<Protected & { readonly head?: JournalHead }>((options, io) =>
        within({ ...options, standing: 'any' }, io, (joined) => verify(joined, options.head, io)),
      ),
    )
}

/** `holdfast audit head`: what to keep elsewhere. */
function headVerb(): Command {
  return protectedVerb('head', 'print the head of the journal, to be kept elsewhere')
    .addHelpText('after', examples('holdfast audit head >> /mnt/elsewhere/heads.txt'))
    .action(
      act<Protected>((options, io) =>
        within({ ...options, standing: 'any' }, io, async ({ parts }) => {
          const found = await parts.store.head(parts.protection)
          if (found === undefined)
            throw new Fault('usage/bad-argument', 'The journal is empty', { hint: 'Run `holdfast sync` first.' })
          io.say(headText(found))
          io.facts(found)
        }),
      ),
    )
}

async function list({ parts, policy }: Composed, options: Listing, io: Terminal): Promise<void> {
  const { type, run, since = 0, text = '', last } = options
  const reading = { ...(type === undefined ? {} : { typed: type }), ...(run === undefined ? {} : { run }) }
  const found: JournalRecord[] = []
  for await (const record of parts.store.read(parts.protection, reading)) {
    if (Date.parse(record.at) < since || !holds(record, text)) continue
    found.push(record)
    if (found.length > last) found.shift()
  }
  const rows = found.map((one) => [
    String(one.seq),
    one.at,
    String(one.epoch),
    one.run,
    one.type,
    readable(sentence(policy.name, one)),
  ])
  io.say(rows.length === 0 ? 'Nothing like that is in the journal.' : io.table(HEADINGS, rows))
  io.facts({ protection: policy.name, records: found })
}

const HEADINGS = ['SEQ', 'AT', 'EPOCH', 'RUN', 'TYPE', 'WHAT']

function holds({ type, run, body }: JournalRecord, text: string): boolean {
  return text === '' || `${type} ${run} ${JSON.stringify(body)} ${readable(JSON.stringify(body))}`.includes(text)
}

/** What of a body is told in one line: the rest is one option away. */
const TELLING = ['address', 'phase', 'outcome', 'reason', 'message', 'by', 'target', 'digest', 'refused'] as const

function sentence(protection: string, record: JournalRecord): string {
  const notice = noticeOf(protection, record)
  if (notice !== undefined) return notice.sentence
  return TELLING.flatMap((field) => (record.body[field] === undefined ? [] : [String(record.body[field])])).join(' · ')
}

async function verify(joined: Composed, kept: JournalHead | undefined, io: Terminal): Promise<void> {
  const { parts, policy } = joined
  const { store, protection } = parts
  let records = 0
  let first: string | undefined
  for await (const { at } of store.read(protection)) {
    first ??= at
    records++
  }
  if (kept !== undefined && (await store.head(protection, kept.seq))?.chain !== kept.chain) throw cutOff(kept, records)
  // Reading one fact compares the sum of all, and that of the lease; reading words that of each.
  await store.fact(protection, 'roles')
  await store.words(protection)
  const found = await store.head(protection)
  io.say(
    `${counted(records, 'record')} since ${first ?? 'ever'}, each as it was written; so are lease, facts and words that wait.`,
  )
  if (found !== undefined) io.say(`Head ${headText(found)}`)
  io.facts({ protection: policy.name, records, head: found ?? null, compared: kept ?? null })
}

function cutOff({ seq }: JournalHead, records: number): Fault {
  const is =
    records < seq
      ? `has only ${counted(records, 'record')}: it was cut off`
      : 'has another one in its place: it was written anew'
  return new Fault('store/damaged', `The head that was given names record ${seq}, and the journal ${is}`, {
    facts: { seq, records },
    hint: 'Put back a copy of the store that has it.',
  })
}

function headText({ seq, chain }: JournalHead): string {
  return `${seq}:${chain}`
}

function head(text: string): JournalHead {
  const [, seq, chain] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text.trim()) ?? []
  if (seq !== undefined && chain !== undefined) return { seq: Number(seq), chain }
  throw new InvalidArgumentError('Give a head as `holdfast audit head` prints it: a number, a colon, 64 hex digits.')
}

/** Other forms mean one time here and another there, or a year that nobody meant. */
function instant(text: string): number {
  const parsed = /^\d{4}-\d{2}-\d{2}(T.*)?$/.test(text) ? Date.parse(text) : Number.NaN
  if (!Number.isNaN(parsed)) return parsed
  throw new InvalidArgumentError('Give an instant such as 2030-01-31 or 2030-01-31T06:00Z.')
}
