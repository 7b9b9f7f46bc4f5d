import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { Fault, isFault } from '../core/errors.ts'
import type { JsonObject } from '../core/model.ts'
import { rewriteFile } from '../disk/rewrite-file.ts'

/** One thing that must follow the active side. */
export type Target = { readonly file: string } | { readonly env: string } | { readonly webhook: string }

/** The side that a pointer shows to. */
export interface Active {
  /** ARM id of a workspace, or URI of a tracking server. */
  readonly name: string
  readonly location: string
  readonly side: string
  readonly epoch: number
}

export interface Moved {
  readonly target: string
  readonly changed: boolean
}

const WORKSPACE =
  /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)\/providers\/Microsoft\.MachineLearningServices\/workspaces\/([^/]+)$/i

/** True for a workspace's ARM id, in any case. */
export function isWorkspaceId(id: string): boolean {
  return WORKSPACE.test(id)
}

/** The three names in a workspace's ARM id. */
export function workspaceNames(id: string): { subscription: string; resourceGroup: string; workspace: string } {
  const [, subscription, resourceGroup, workspace] = WORKSPACE.exec(id) ?? []
  if (subscription === undefined || resourceGroup === undefined || workspace === undefined) {
    throw new Fault('usage/bad-argument', `${id} is not the id of a workspace`, {
      hint: 'Give /subscriptions/…/resourceGroups/…/providers/Microsoft.MachineLearningServices/workspaces/….',
    })
  }
  return { subscription, resourceGroup, workspace }
}

/** The content that `MLClient.from_config()` and `Workspace.from_config()` read; of a tracking server its URI. */
export function placeConfig(name: string): JsonObject {
  if (isServerName(name)) return { tracking_uri: name }
  const { subscription, resourceGroup, workspace } = workspaceNames(name)
  return { subscription_id: subscription, resource_group: resourceGroup, workspace_name: workspace }
}

function isServerName(name: string): boolean {
  return /^https?:/.test(name)
}

/** Variables by which clients find a side. */
function variablesOf(name: string): Readonly<Record<string, string>> {
  // https://mlflow.org/docs/latest/ml/tracking/tracking-api/ : the registry is there too unless another is named.
  if (isServerName(name)) return { MLFLOW_TRACKING_URI: name }
  const { subscription, resourceGroup, workspace } = workspaceNames(name)
  return {
    AZUREML_ARM_SUBSCRIPTION: subscription,
    AZUREML_ARM_RESOURCEGROUP: resourceGroup,
    AZUREML_ARM_WORKSPACE_NAME: workspace,
  }
}

/**
 * Makes a target show to the active side. Repeating it changes nothing.
 *
 * A file keeps the fields that Holdfast does not write, and is replaced in one step, so that no
 * reader ever sees a half of it.
 */
export async function point(target: Target, active: Active, signal: AbortSignal): Promise<Moved> {
  if ('file' in target) return pointFile(target.file, active, signal)
  if ('env' in target) return pointEnv(target.env, active, signal)
  return pointWebhook(target.webhook, active, signal)
}

/** What became of every target: which show to the active side, and which could not be moved. */
export interface Pointed {
  readonly moved: readonly Moved[]
  readonly left: readonly { readonly target: string; readonly why: string }[]
}

/** How often a target is tried before all else goes on without it. */
const TRIES = 2

/** Moves every target that can be moved. One that cannot holds up none of the others, and nothing that follows. */
export async function pointAll(
  targets: readonly Target[],
  active: Active,
  limits: { readonly signal: AbortSignal; readonly callMilliseconds: number; permit(): void },
): Promise<Pointed> {
  const moved: Moved[] = []
  const left: { target: string; why: string }[] = []
  for (const target of targets) {
    for (let attempt = 1; ; attempt++) {
      limits.permit()
      const limited = AbortSignal.any([limits.signal, AbortSignal.timeout(limits.callMilliseconds)])
      try {
        moved.push(await point(target, active, limited))
        break
      } catch (thrown) {
        limits.signal.throwIfAborted()
        if (attempt < TRIES) continue
        left.push({ target: targetName(target), why: whyOf(thrown) })
        break
      }
    }
  }
  return { moved, left }
}

/** The name under which reports and the journal speak of a target: what a webhook's URL may hold besides its host is not theirs. */
export function targetName(target: Target): string {
  if ('file' in target) return target.file
  if ('env' in target) return target.env
  const url = URL.parse(target.webhook)
  return url === null ? 'a webhook that is no URL' : `${url.origin}${url.pathname}`
}

function whyOf(thrown: unknown): string {
  if (isFault(thrown)) return thrown.message
  const { cause, code, name } = thrown as { cause?: { code?: string }; code?: string; name?: string }
  if (name === 'TimeoutError') return 'it did not answer in time'
  return cause?.code ?? code ?? name ?? 'it failed'
}

async function pointFile(path: string, active: Active, signal: AbortSignal): Promise<Moved> {
  const changed = await rewriteFile(path, signal, (before) => {
    const wanted = { ...parsed(before), ...placeConfig(active.name) }
    const isSame = before !== undefined && isDeepStrictEqual(parsed(before), wanted)
    return isSame ? undefined : `${JSON.stringify(wanted, undefined, 2)}\n`
  })
  return { target: path, changed }
}

async function pointEnv(path: string, active: Active, signal: AbortSignal): Promise<Moved> {
  const ours: Readonly<Record<string, string>> = { ...variablesOf(active.name), HOLDFAST_ACTIVE_SIDE: active.side }
  const changed = await rewriteFile(path, signal, (before = '') => {
    const lines = before === '' ? [] : before.replace(/\n$/, '').split('\n')
    const foreign = lines.filter((line) => !Object.hasOwn(ours, line.split('=')[0]?.trim() ?? ''))
    return `${[...foreign, ...Object.entries(ours).map(([name, value]) => `${name}=${value}`)].join('\n')}\n`
  })
  return { target: path, changed }
}

async function pointWebhook(url: string, active: Active, signal: AbortSignal): Promise<Moved> {
  const body = JSON.stringify({
    ...placeConfig(active.name),
    location: active.location,
    side: active.side,
    epoch: active.epoch,
  })
  // Protections that one receiver hears of have the same epochs.
  const what = createHash('sha256').update(body).digest('hex').slice(0, 12)
  const headers = { 'content-type': 'application/json', 'idempotency-key': `holdfast-${active.epoch}-${what}` }
  const answer = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal })
  await answer.body?.cancel()
  if (!answer.ok) {
    throw new Fault('azure/refused', `${new URL(url).host} answered ${answer.status} to the new pointer`, {
      hint: 'Look at the receiver; Holdfast asks it again with the same idempotency key.',
    })
  }
  return { target: targetName({ webhook: url }), changed: true }
}

function parsed(text: string | undefined): JsonObject {
  if (text === undefined) return {}
  try {
    return JSON.parse(text)
  } catch {
    // What is no JSON cannot be read by the vendor's clients either: it is replaced.
    return {}
  }
}
