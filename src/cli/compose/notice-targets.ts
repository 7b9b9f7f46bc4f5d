import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { appendFile, mkdir, open, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { Fault } from '../../core/errors.ts'
import type { Notice } from '../../core/notice.ts'
import type { NotifyTarget, Secret } from '../../core/policy.ts'
import type { NoticeTarget } from '../../engine/notify.ts'
import { secretOf } from './secret.ts'

type Webhook = Exclude<NotifyTarget, { readonly file: string }>

/**
 * Who is told, as the policy names them. What is secret is read when it is needed, and shown nowhere.
 *
 * @param folder that paths in the policy start from
 */
export function noticeTargets(targets: readonly NotifyTarget[], folder: string): readonly NoticeTarget[] {
  return targets.map((target) => {
    const key = createHash('sha256').update(JSON.stringify(target)).digest('hex').slice(0, 12)
    if ('file' in target) {
      const path = resolve(folder, target.file)
      return { key, name: target.file, send: (notice) => line(path, notice) }
    }
    return { key, name: nameOf(target), send: (notice, signal) => post(target, { notice, folder, signal }) }
  })
}

async function line(path: string, notice: Notice): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const begin = (await isTorn(path)) ? '\n' : ''
  await appendFile(path, `${begin}${JSON.stringify(notice)}\n`)
}

/** Whether a full disk or a crash left half a line at the end: what follows must not stand in the same. */
async function isTorn(path: string): Promise<boolean> {
  if (!existsSync(path)) return false
  const found = await stat(path)
  if (!found.isFile() || found.size === 0) return false
  const file = await open(path)
  try {
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, found.size - 1)
    return buffer.toString() !== '\n'
  } finally {
    await file.close()
  }
}

function nameOf({ webhook }: Webhook): string {
  if (typeof webhook === 'string') return `webhook ${new URL(webhook).host}`
  return 'env' in webhook ? `webhook $${webhook.env}` : `webhook in ${webhook.file}`
}

interface Posting {
  readonly notice: Notice
  readonly folder: string
  readonly signal: AbortSignal
}

async function post(target: Webhook, { notice, folder, signal }: Posting): Promise<void> {
  const url = typeof target.webhook === 'string' ? target.webhook : await secret(target.webhook, folder)
  if (!/^https?:\/\/[^/\s]/.test(url)) throw new Fault('policy/invalid', `${nameOf(target)} holds no URL`)
  const headers: Record<string, string> = { 'content-type': 'application/json', 'idempotency-key': notice.id }
  if (target.bearer !== undefined) headers['authorization'] = `Bearer ${await secret(target.bearer, folder)}`
  const body = JSON.stringify(FORMATS[target.format](notice))
  const answer = await asked(target, () => fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal }))
  await answer.body?.cancel()
  if (answer.ok) return
  throw new Fault('azure/refused', `${nameOf(target)} answered ${answer.status}`, {
    facts: { status: answer.status },
    hint: 'Look at the receiver; it is told again under the same id.',
  })
}

/** What the client says of a failure may have the whole URL in it. */
async function asked(target: Webhook, ask: () => Promise<Response>): Promise<Response> {
  try {
    return await ask()
  } catch (thrown) {
    const why = (thrown as { cause?: { code?: string } }).cause?.code ?? (thrown as Error).name
    throw new Fault('azure/unreachable', `${nameOf(target)} does not answer: ${why}`)
  }
}

function secret(named: Secret, folder: string): Promise<string> {
  return secretOf(named, {
    folder,
    without: 'A notification cannot be sent',
    hint: 'Set it where the controller runs.',
  })
}

const MARKS = { info: '🔵', warning: '🟠', critical: '🔴' } as const

function sentence({ severity, protection, sentence: said }: Notice): string {
  return `${MARKS[severity]} ${protection}: ${said}`
}

/** Bodies by receiver. Slack's incoming webhooks take `text`; Teams' workflows take a message with an adaptive card and nothing else. */
const FORMATS: Readonly<Record<Webhook['format'], (notice: Notice) => object>> = {
  json: (notice) => notice,
  slack: (notice) => ({ text: sentence(notice) }),
  teams: (notice) => ({
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          body: [{ type: 'TextBlock', text: sentence(notice), wrap: true }],
        },
      },
    ],
  }),
}
