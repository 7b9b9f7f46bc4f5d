import { readFileSync } from 'node:fs'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { parse } from 'yaml'
import { Fault } from '../../core/errors.ts'
import { milliseconds, wholeNumber } from '../arguments.ts'
import { type EmulatorFault, needEmulator } from './emulator.ts'

const PLANES = ['arm', 'history', 'mlflow', 'blob', 'vault', 'discovery', 'scoring', 'signin'] as const
const KINDS = [
  'down, hang, slow, throttle, reset, lost-answer, held-answer, stale-list, duplicate-page',
  'lost-page-token, wrong-etag, expired-token, quota, clock or disk-full',
].join(', ')

/** What `holdfast local break` takes. */
export interface Break {
  readonly how?: string
  readonly file?: string
  readonly plane?: string
  readonly route?: string
  readonly client?: string
  readonly times?: number
  readonly chance?: number
  readonly seed?: number
  readonly milliseconds?: number
  readonly retryAfter?: number
  readonly with?: Readonly<Record<string, string | number>>
}

export const BREAK_EXAMPLES = [
  'holdfast local break eastus2 --how hang',
  'holdfast local break signin --how down',
  'holdfast local break eastus2 --how throttle --plane blob --retry-after 30',
  "holdfast local break eastus2 --how lost-answer --route 'PUT **/models/*/versions/*' --times 3",
  'holdfast local break centralus --how quota --with family=standardNCSv3Family',
  'holdfast local break eastus2 --how clock --with aheadSeconds=-3600',
  'holdfast local break --file faults.yaml',
] as const

/** Adds the options by which a fault is described. What the kinds are and take is the emulator's to say. */
export function withFaultOptions(command: Command): Command {
  return command
    .argument('[where]', 'a region, signin or arm')
    .option('--how <fault>', `what happens: ${KINDS}`)
    .option('--file <path>', 'a list of faults in YAML or JSON, as the control API takes them')
    .addOption(new Option('--plane <plane>', 'only this face of the region').choices(PLANES))
    .option('--route <route>', 'only this operation, or method and path, with * for any part')
    .option('--client <name>', 'only the client that `holdfast local env --client` gave this name')
    .option('--times <n>', 'only so many requests', wholeNumber(1, 1_000_000))
    .option('--chance <share>', 'only this share of requests, from 0 to 1', share)
    .option('--seed <n>', 'draws the same requests for the same number', wholeNumber(0, 4_294_967_295))
    .option('--milliseconds <n>', 'for slow: how long each request waits (default: 1000)', milliseconds(0))
    .option(
      '--retry-after <seconds>',
      'for throttle: what Retry-After says (default: 5)',
      wholeNumber(0, 4_000_000_000),
    )
    .addOption(
      new Option('--with <field=value>', 'a field that this fault takes; may be given again')
        .argParser(field)
        .default({}, 'none'),
    )
}

/** The faults that are asked for, to be added to those in force. */
export async function faultsOf(
  dir: string,
  where: string | undefined,
  given: Break,
): Promise<readonly EmulatorFault[]> {
  const { file, how } = given
  if (file !== undefined) {
    if (where === undefined && how === undefined) return faultsIn(file)
    throw new Fault('usage/bad-argument', '--file was given beside a fault', { hint: 'Give one or the other.' })
  }
  if (where === undefined || how === undefined) {
    throw new Fault('usage/bad-argument', 'No fault was given', {
      hint: 'Give a place and --how, or --file with a list of faults.',
    })
  }
  const { regions } = await needEmulator(dir).status()
  const places = [...regions.map(({ name }) => name), 'signin', 'arm']
  if (!places.includes(where)) {
    throw new Fault('usage/bad-argument', `There is no region ${where}`, { hint: `Give one of ${places.join(', ')}.` })
  }
  return [{ is: how, at: where, ...fieldsOf(how, given) }]
}

function fieldsOf(how: string, given: Break): Readonly<Record<string, string | number>> {
  const { plane, route, client, times, chance, seed, retryAfter } = given
  const wait = how === 'slow' ? (given.milliseconds ?? 1000) : given.milliseconds
  const named = { plane, route, client, times, chance, seed, milliseconds: wait, retryAfterSeconds: retryAfter }
  const all = Object.entries({ ...named, ...given.with })
  return Object.fromEntries(all.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
}

/** Faults in a file: a list, or an object with one as `faults`. */
function faultsIn(path: string): readonly EmulatorFault[] {
  const content = contentOf(path)
  const list = Array.isArray(content) ? content : (content as { readonly faults?: unknown } | null)?.faults
  const faults: readonly unknown[] = Array.isArray(list) ? list : []
  if (faults.length > 0 && faults.every((one) => typeof one === 'object' && one !== null && 'is' in one)) {
    return faults as readonly EmulatorFault[]
  }
  throw new Fault('usage/bad-argument', `${path} is no list of faults`, {
    hint: 'Write a list whose items have `is` and `at`.',
  })
}

/** What a file in YAML or JSON holds. */
export function contentOf(path: string): unknown {
  try {
    // JSON is YAML too.
    return parse(readFileSync(path, 'utf8'))
  } catch (thrown) {
    const why = thrown instanceof Error ? (thrown.message.split('\n')[0] ?? '') : String(thrown)
    throw new Fault('usage/bad-argument', `${path} cannot be read: ${why}`, { hint: 'Give a file in YAML or JSON.' })
  }
}

function share(text: string): number {
  const number = Number(text)
  if (/^\d*\.?\d+$/.test(text) && number <= 1) return number
  throw new InvalidArgumentError('Give a number from 0 to 1.')
}

function field(text: string, before: Break['with']): Break['with'] {
  const [, name, value] = /^(\w+)=(.+)$/.exec(text) ?? []
  if (name === undefined || value === undefined) throw new InvalidArgumentError('Give it as field=value.')
  return { ...before, [name]: /^-?\d+(?:\.\d+)?$/.test(value) ? Number(value) : value }
}
