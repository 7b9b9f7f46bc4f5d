import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Cloud, openCloud } from '../../demo/cloud.ts'
import { TEAM } from './team.ts'
import type { Printed } from './transcript.ts'
import { verbsIn } from './verbs.ts'

/** A shell in a folder of its own, in which a drill is played. */
export interface Place {
  /** Runs a command to its end. One that ends with `&` goes on, and prints nothing here. */
  run(command: string): Promise<Printed>
  /** Ends what still runs, the emulator too, and removes the folder. */
  end(): Promise<void>
}

const SILENT: Printed = { text: '', code: 0 }

/** Opens a place. Its commands are `holdfast`, `cat`, and what a team does: see the readme of this folder. */
export function openPlace(): Place {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-drill-'))
  const verbs = verbsIn(dir)
  let subscription = ''
  let cloud: Cloud | undefined

  async function holdfast(args: readonly string[]): Promise<Printed> {
    if (args.at(-1) === '&') {
      verbs.start(args.slice(0, -1))
      return SILENT
    }
    const printed = await verbs.run(args)
    if (args[0] === 'local' && args[1] === 'up') await pointAtEmulator()
    return printed
  }

  /** What `eval "$(holdfast local env)"` does in a shell. */
  async function pointAtEmulator(): Promise<void> {
    const { out } = await verbs.run(['local', 'env', '--json'])
    const env = JSON.parse(out) as Record<string, string>
    verbs.setEnvironment(env)
    subscription = env['AZURE_SUBSCRIPTION_ID'] ?? ''
    await cloud?.close()
    cloud = openCloud(env)
  }

  async function team([deed = '', ...args]: readonly string[]): Promise<Printed> {
    if (cloud === undefined || TEAM[deed] === undefined) return { text: `The team cannot ${deed}\n`, code: 127 }
    await TEAM[deed](cloud, subscription, args)
    return SILENT
  }

  const commands: Readonly<Record<string, (args: readonly string[]) => Promise<Printed>>> = {
    holdfast,
    team,
    cat: async ([path = '']) => ({ text: readFileSync(join(dir, path), 'utf8'), code: 0 }),
    until: ([verb = '', , ...words]) => verbs.until(verb, words.join(' ')),
  }

  async function run(command: string): Promise<Printed> {
    const [name = '', ...args] = wordsOf(command.replaceAll('$SUBSCRIPTION', subscription))
    const found = commands[name]
    return found === undefined ? { text: `${name}: there is no such command in a drill\n`, code: 127 } : found(args)
  }

  async function end(): Promise<void> {
    verbs.end()
    await cloud?.close()
    await verbs.run(['local', 'down'])
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
  }

  return { run, end }
}

/** Words of a command, of which one in quotes may hold spaces. */
function wordsOf(command: string): readonly string[] {
  return [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, one, two, three]) => one ?? two ?? three ?? '')
}
