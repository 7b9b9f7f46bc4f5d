import { z } from 'zod'
import { formatDuration, type Milliseconds, parseDuration } from '../core/duration.ts'
import { shortLocation } from '../core/regions.ts'

/** What may stand in `holdfast.yaml`. The messages are what to write instead. */

const A_DURATION = 'write a duration such as 90s, 5m or 1h30m'

const [SECOND, DAY] = [1000, 86_400_000]

/** A duration within bounds, beyond which it could only be a slip. */
function span(least: Milliseconds, most: Milliseconds) {
  return z
    .string(A_DURATION)
    .regex(/^(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?(?:\d+ms)?$/, A_DURATION)
    .transform((text, context) => {
      const milliseconds = parseDuration(text)
      if (milliseconds !== undefined && milliseconds >= least && milliseconds <= most) return milliseconds
      const bounds = `write a duration from ${formatDuration(least)} to ${formatDuration(most)}`
      context.addIssue({ code: 'custom', message: text === '' ? A_DURATION : bounds, input: text })
      return z.NEVER
    })
}

const Duration = span(SECOND, 30 * DAY)

const A_WORKSPACE =
  'write the ARM id of a workspace: /subscriptions/…/resourceGroups/…/providers/Microsoft.MachineLearningServices/workspaces/…'

const Workspace = z
  .string(A_WORKSPACE)
  .regex(
    /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.MachineLearningServices\/workspaces\/[A-Za-z0-9][A-Za-z0-9_-]{2,32}\/?$/i,
    A_WORKSPACE,
  )
  .transform((id) => id.replace(/\/$/, ''))

const A_SERVER = 'write the URI of a tracking server, such as https://mlflow.example'

export const Server = z
  .string(A_SERVER)
  .regex(/^https?:\/\/[^/\s@?#]+(?:\/[^\s?#]*)?$/, { error: A_SERVER, abort: true })
  .refine((uri) => URL.canParse(uri), A_SERVER)
  .transform((uri) => uri.replace(/\/+$/, ''))

const A_LOCATION = 'write a location such as centralus'
const Location = z.string(A_LOCATION).min(1, A_LOCATION).transform(shortLocation)

const A_KIND = 'write a kind such as model or compute'
const Kind = z.string(A_KIND).regex(/^[a-z][a-z0-9-]*$/, A_KIND)

const A_SELECTOR = 'write a selector such as experiment/scratch-* or model/churn'
const Selector = z.string(A_SELECTOR).regex(/^[a-z*][a-z0-9*-]*(?:\/.+)?$/, A_SELECTOR)

const Mode = z.enum(['hot/hot', 'hot/warm', 'hot/cold'])
const A_URL = 'write a URL that begins with https://'
const Url = z
  .string(A_URL)
  .regex(/^https?:\/\/[^/\s]+/, { error: A_URL, abort: true })
  .refine(
    (url) => URL.canParse(url),
    'write a URL with a host, and a port in digits, as in https://hooks.example:8443/',
  )
const Resubmit = z.enum(['secondary', 'primary', 'never'])

const VantagePoint = z
  .strictObject({
    name: z.string().min(1),
    url: Url,
    host: z.string().min(1).optional().describe('What fails together with it. Default: the host of its URL.'),
  })
  .transform(({ name, url, host }) => ({ name, url, host: host ?? new URL(url).hostname }))

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const
const TIME = /^([01]\d|2[0-3]):([0-5]\d)$/

const Window = z
  .strictObject({
    days: z
      .array(z.enum(DAYS))
      .min(1)
      .default([...DAYS]),
    from: z.string().regex(TIME, 'write a time of day in UTC such as 02:00'),
    for: span(60 * SECOND, 7 * DAY),
  })
  .describe('A time in which nothing is automatic, every week, in UTC.')
  .transform((window) => {
    const [hours = '0', minutes = '0'] = window.from.split(':')
    return {
      days: window.days.map((day) => DAYS.indexOf(day)),
      from: (Number(hours) * 60 + Number(minutes)) * 60_000,
      lasts: window.for,
    }
  })

const Sync = z.strictObject({
  every: span(100, DAY).default(60_000),
  history: z.enum(['all', 'none']).default('all'),
  exclude: z.array(Selector).default([]).describe('Selectors of what is left alone on both sides.'),
  conflict: z
    .enum(['map', 'refuse'])
    .default('refuse')
    .describe('One name and version with other content on each side: carry it under another version, or refuse it.'),
  removes: z
    .array(Kind)
    .default([])
    .describe('Kinds whose removal is repeated in the standby. Azure never gives a removed name and version back.'),
})

const Availability = z
  .object({
    default: Mode.default('hot/warm'),
    rules: z
      .array(z.strictObject({ match: Selector, mode: Mode.optional(), resubmit: Resubmit.optional() }))
      .default([]),
  })
  .catchall(Mode)
  .transform(({ default: otherwise, rules, ...kinds }) => ({ default: otherwise, kinds, rules }))

const Failover = z.strictObject({
  mode: z.enum(['automatic', 'approval', 'manual']).default('manual'),
  after: span(SECOND, DAY)
    .default(90_000)
    .describe('How long everything must be down: several rounds of the vantage points.'),
  vantagePoints: z.array(VantagePoint).default([]),
  maxLoss: Duration.default(600_000).describe('The loss of work beyond which no failover is automatic.'),
  coolDown: Duration.default(1_800_000).describe('Nothing is automatic for so long after a failover.'),
  approvalExpires: Duration.default(3_600_000).describe('How long a plan that waits for `holdfast approve` is good.'),
  outside: Url.optional().describe(
    'What depends on neither side: a vantage point that cannot reach it says nothing. Default: Azure’s list of its clouds.',
  ),
  demo: z.boolean().default(false).describe('Lets vantage points on one host count apart. For one machine only.'),
})

const Switchover = z
  .strictObject({ jobs: z.enum(['wait', 'resubmit']).default('wait'), wait: Duration.default(1_800_000) })
  .describe('Jobs that run when a side is left that is well: wait for them so long, or cancel and resubmit them.')

const Secret = z
  .union([z.strictObject({ env: z.string().min(1) }), z.strictObject({ file: z.string().min(1) })])
  .describe('A variable of the environment, or a file, that holds what must not stand here.')

const SignIn = z
  .union([z.strictObject({ user: z.string().min(1), password: Secret }), z.strictObject({ token: Secret })])
  .describe(
    'How Holdfast signs in. Default: as MLflow’s client does, by MLFLOW_TRACKING_USERNAME, _PASSWORD or _TOKEN.',
  )

const StorageFolder = z
  .string()
  .regex(
    /^(wasbs?|abfss?):\/\/[^@/]+@[a-z0-9]{3,24}\.(blob|dfs)\.core\.windows\.net(\/(?!.*(^|\/)\.\.?(\/|$)).*)?$/,
    'write it as wasbs://{container}@{account}.blob.core.windows.net/{folder}, or abfss:// with dfs in place of blob',
  )

/** A workspace or a tracking server. One object and no union, so that a mistake is named at its own field. */
function side(location: z.ZodOptional<z.ZodType<string>>) {
  return z
    .strictObject({
      workspace: Workspace.optional(),
      server: Server.optional().describe('URI of a tracking server of MLflow, in place of a workspace.'),
      location: location.describe('Where it stands. A server may have any name there; default: its host and port.'),
      signIn: SignIn.optional(),
      filesBelow: z
        .array(StorageFolder)
        .optional()
        .describe('Folders of Azure’s storage in which the clients of the server keep its files themselves.'),
    })
    .superRefine(({ workspace, server, signIn, filesBelow }, context) => {
      const mistake = (field: string, message: string) => context.addIssue({ code: 'custom', path: [field], message })
      if (workspace === undefined && server === undefined) mistake('workspace', A_SIDE)
      if (workspace !== undefined && server !== undefined) mistake('server', 'keep it or the workspace, one of both')
      for (const [field, value] of Object.entries({ signIn, filesBelow })) {
        if (server === undefined && value !== undefined) mistake(field, 'take it out: it is for a server')
      }
    })
}

const A_SIDE = 'write the ARM id of a workspace, or the URI of a tracking server as `server`'

const NotifyWebhook = z
  .strictObject({
    webhook: z.union([Url, Secret]),
    format: z.enum(['json', 'slack', 'teams']).default('json'),
    bearer: Secret.optional().describe('Sent as a bearer token.'),
  })
  .transform(({ webhook, format, bearer }) => ({ webhook, format, ...(bearer === undefined ? {} : { bearer }) }))

const Backup = z.strictObject({
  repository: z.string().min(1),
  every: Duration.default(900_000),
  keep: z.strictObject({ daily: z.int().min(1).default(30), monthly: z.int().min(0).default(12) }).prefault({}),
})

const A_NAME = 'write a name of up to 40 lower-case letters, digits and hyphens'

export const Name = z.string(A_NAME).regex(/^[a-z0-9][a-z0-9-]{0,39}$/, A_NAME)

/** One protection. Everything that is left out gets its default. */
export const PolicySchema = z.strictObject({
  name: Name,
  primary: side(z.string().min(1).optional()),
  secondary: side(Location.optional()).superRefine(({ workspace, location }, context) => {
    if (workspace === undefined || location !== undefined) return
    context.addIssue({ code: 'custom', path: ['location'], message: 'write a location such as centralus' })
  }),
  residency: z.enum(['geography', 'any']).default('geography'),
  objectives: z.strictObject({ rpo: Duration.default(900_000), rto: Duration.default(1_800_000) }).prefault({}),
  sync: Sync.prefault({}),
  availability: Availability.prefault({}),
  failover: Failover.prefault({}),
  switchover: Switchover.prefault({}),
  witness: Url.optional().describe('A container in a third region that holds lease and journal.'),
  pointer: z
    .array(
      z.union([
        z.strictObject({ file: z.string().min(1) }),
        z.strictObject({ env: z.string().min(1) }),
        z.strictObject({ webhook: Url }),
      ]),
    )
    .default([])
    .describe('Everything that must follow the active workspace.'),
  mappings: z
    .record(Kind, z.record(z.string(), z.string()))
    .default({})
    .describe('By kind: the name in the primary → the name in the secondary. Under `subnet`, ids of subnets.'),
  maintenance: z.array(Window).default([]),
  notify: z
    .array(z.union([NotifyWebhook, z.strictObject({ file: z.string().min(1) })]))
    .default([])
    .describe('Who is told of failovers, of what waits for a person, and of pauses.'),
  backup: Backup.optional(),
})

/** The schema of one document of `holdfast.yaml`, for editors. */
export function policyJsonSchema(): Readonly<Record<string, unknown>> {
  const schema = z.toJSONSchema(PolicySchema, { io: 'input', unrepresentable: 'any' })
  return {
    ...schema,
    title: 'holdfast.yaml',
    description: 'One protection: a workspace or tracking server, and the one that follows it.',
  }
}
