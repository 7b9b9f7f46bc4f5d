import { setTimeout as sleep } from 'node:timers/promises'
import { type Command, Option } from 'commander'
import { counted } from '../../core/counted.ts'
import { isFault } from '../../core/errors.ts'
import type { Side } from '../../core/model.ts'
import type { Policy } from '../../core/policy.ts'
import { placeOf } from '../../engine/parts.ts'
import { type Question, startProber } from '../../engine/prober.ts'
import { type HostPort, hostPort, milliseconds } from '../arguments.ts'
import type { Composed } from '../compose/compose.ts'
import { keyFile, lacksKey, sharedKey } from '../key.ts'
import { type Protected, protectedVerb, within } from '../protected.ts'
import { act, examples } from '../verb.ts'

interface Options extends Protected {
  readonly name: string
  readonly listen: HostPort
  readonly every: number
  readonly timeout: number
}

/** `holdfast vantage`: one pair of eyes, with a network path of its own. */
export function vantageVerb(): Command {
  return protectedVerb('vantage', 'run a vantage point: probe both sides, and answer the controller with what was seen')
    .requiredOption('--name <name>', 'its name in `failover.vantagePoints`')
    .addOption(
      new Option('--listen <host:port>', 'where it answers the controller')
        .argParser(hostPort)
        .default({ host: '127.0.0.1', port: 7401 }, '127.0.0.1:7401'),
    )
    .option('--every <milliseconds>', 'time between two rounds', milliseconds(100), 5000)
    .option('--timeout <milliseconds>', 'time after which a probe has failed', milliseconds(50), 3000)
    .addHelpText(
      'after',
      examples(
        'HOLDFAST_KEY=… holdfast vantage --name west --listen 0.0.0.0:7401',
        'holdfast vantage --name v1 --every 1000',
      ),
    )
    .action(
      act<Options>((options, io) =>
        within(options, io, async (joined, signal) => {
          const isAlone = lacksKey(joined.dir)
          const key = sharedKey(joined.dir)
          const waiting = (why: string) => io.warn(io.alarm('yellow', `Waiting for both sides to be seen once: ${why}`))
          const questions = await bothSides(joined, waiting, signal)
          const prober = startProber({
            questions,
            selfCheck: joined.estate.reachOutside,
            everyMilliseconds: options.every,
            timeoutMilliseconds: options.timeout,
          })
          const { vantageServer } = await import('../../api/vantage-server.ts')
          const server = vantageServer({
            protection: joined.policy.name,
            point: options.name,
            key,
            findings: prober.findings,
          })
          try {
            const url = await server.listen(options.listen)
            io.say(`${options.name} probes ${counted(questions.length, 'plane')} and answers on ${url}`)
            const unasked = whyUnasked(options.name, joined.policy)
            if (unasked !== undefined) io.warn(io.alarm('yellow', unasked))
            if (isAlone)
              io.warn(
                io.alarm(
                  'yellow',
                  `A key was made in ${keyFile(joined.dir)}: a controller on another host believes this point only with it, in its own file or in HOLDFAST_KEY.`,
                ),
              )
            io.event({ name: options.name, planes: questions.length, url, isNamed: unasked === undefined })
            await over(signal)
          } finally {
            prober.stop()
            await server.close()
          }
        }),
      ),
    )
}

/** A point that the policy does not name watches for nobody, until it does. */
function whyUnasked(name: string, { failover: { vantagePoints } }: Policy): string | undefined {
  const names = vantagePoints.map((point) => point.name)
  if (names.includes(name)) return undefined
  const said = names.length === 0 ? 'names none' : `names ${names.join(', ')}`
  return `No controller asks ${name}: \`failover.vantagePoints\` of the policy ${said}. Add it there with the URL by which controllers reach it.`
}

function over(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

/** Both sides must have been seen once: what is probed follows from their names. */
async function bothSides(
  joined: Composed,
  waiting: (why: string) => void,
  signal: AbortSignal,
): Promise<readonly Question[]> {
  const questions: Question[] = []
  for (const side of ['primary', 'secondary'] as const) {
    const place = await opened(joined, side, { waiting, signal })
    questions.push(...joined.estate.questions(side, place))
  }
  return questions
}

async function opened(
  { parts }: Composed,
  side: Side,
  { waiting, signal }: { readonly waiting: (why: string) => void; readonly signal: AbortSignal },
) {
  for (let said = ''; ; ) {
    try {
      return await placeOf(parts, side, signal)
    } catch (thrown) {
      if (!isFault(thrown, 'azure/unreachable', 'azure/signin')) throw thrown
      if (thrown.message !== said) waiting(thrown.message)
      said = thrown.message
      await sleep(1000, undefined, { signal })
    }
  }
}
