import { execute } from '../arm/template/execute/run.ts'
import { isJsonObject, Sender } from '../arm/template/execute/sender.ts'
import { type DeploymentRow, DeploymentStore } from '../arm/template/execute/store.ts'
import {
  deploymentBody,
  operationBodies,
  statusBody,
  validationBody,
  violationReply,
} from '../arm/template/execute/view.ts'
import { isObject, type Json, type JsonObject, property, textAt } from '../arm/template/json.ts'
import type { Place } from '../arm/template/language/scope.ts'
import { type Prepared, prepare } from '../arm/template/prepare.ts'
import { TemplateViolation } from '../arm/template/violation.ts'
import type { Call, Handler, Reply } from '../call.ts'
import { notImplemented, Refusal } from '../refusal.ts'
import type { Route } from '../router.ts'
import type { FrontArm } from './front-arm.ts'

const SUBSCRIPTION = '/subscriptions/:subscription'
const GROUP = `${SUBSCRIPTION}/resourceGroups/:group`
const LIMIT = 4 * 1024 * 1024

type Params = Readonly<Record<string, string>>

/** What a caller wants deployed, checked as far as the request alone can be. */
interface Request {
  readonly body: JsonObject
  readonly properties: JsonObject
  readonly template: JsonObject
}

/** Template deployments of resource groups and of the subscription. */
export function deploymentRoutes(front: FrontArm): readonly Route[] {
  const deployments = new Deployments(front)
  return [GROUP, SUBSCRIPTION].flatMap((scope) => {
    const suffix = scope === GROUP ? '' : 'AtSubscriptionScope'
    const root = `${scope}/providers/Microsoft.Resources/deployments`
    const one = `${root}/:name`
    // The clients of azure-ai-ml poll operations at the address of before there were providers.
    const old = `${scope}/deployments/:name`
    const route = (method: Route[0], path: string, verb: string, handler: Handler): Route => [
      method,
      path,
      `Deployments_${verb}${suffix}`,
      handler,
    ]
    return [
      route('PUT', one, 'CreateOrUpdate', (call, params) => deployments.put(call, params)),
      route('GET', one, 'Get', (_call, params) => ok(deploymentBody(deployments.need(params)))),
      route('HEAD', one, 'CheckExistence', (_call, params) => deployments.exists(params)),
      route('DELETE', one, 'Delete', (call, params) => deployments.remove(call, params)),
      route('GET', root, 'List', (call, params) => deployments.list(call, params)),
      route('POST', `${one}/validate`, 'Validate', (call, params) => deployments.validate(call, params)),
      route('POST', `${one}/cancel`, 'Cancel', (call, params) => deployments.cancel(call, params)),
      route('POST', `${one}/exportTemplate`, 'ExportTemplate', (_call, params) => deployments.template(params)),
      route('POST', `${one}/whatIf`, 'WhatIf', () => {
        throw notImplemented(`Deployments_WhatIf${suffix}`)
      }),
      route('GET', `${one}/operationStatuses/:operation`, 'GetStatus', (_call, params) => deployments.status(params)),
      ...[one, old].flatMap((path) => [
        route('GET', `${path}/operations`, 'ListOperations', (_call, params) => deployments.operations(params)),
        route('GET', `${path}/operations/:operation`, 'GetOperation', (_call, params) => deployments.operation(params)),
      ]),
    ]
  })
}

class Deployments {
  readonly #front: FrontArm
  readonly #store: DeploymentStore
  /** Deployments under way, by seq. True: asked to end. */
  readonly #cancelled = new Map<number, boolean>()

  constructor(front: FrontArm) {
    this.#front = front
    this.#store = new DeploymentStore(front.db, front.clock)
  }

  async put(call: Call, params: Params): Promise<Reply> {
    const wanted = await this.#wanted(call, params)
    if ('status' in wanted) return wanted
    const { request, prepared } = wanted
    const { id, scope, name } = identity(params)
    const sender = senderOf(this.#front, call)
    let row: DeploymentRow | undefined
    const reply = await call.commit(() => {
      const before = this.#store.get(id)
      if (before !== undefined && this.#cancelled.has(before.seq)) throw stillActive(before)
      const location = textAt(request.body, 'location')
      const tags = property(request.body, 'tags')
      const { template } = request
      row = this.#store.begin({
        id,
        scope,
        name,
        location,
        tags: isObject(tags) ? tags : undefined,
        template,
        prepared,
      })
      return { status: before === undefined ? 201 : 200, ...begun(call, row) }
    })
    if (row !== undefined) void this.#run(row, prepared, sender)
    return reply
  }

  /** Works in the background. What cannot be written down was interrupted, and the next opening says so. */
  async #run(row: DeploymentRow, prepared: Prepared, sender: Sender): Promise<void> {
    this.#cancelled.set(row.seq, false)
    try {
      await this.#store.running(row)
      const cancelled = () => this.#cancelled.get(row.seq) === true
      const result = await execute({ prepared, sender, recorder: this.#store.recorder(row), cancelled })
      await this.#store.finish(row, result)
    } catch (failure) {
      const message = failure instanceof Error ? (failure.stack ?? failure.message) : String(failure)
      const error = { code: 'InternalServerError', message: 'The emulator has a defect here; its log has the place.' }
      const written = this.#store.finish(row, { state: 'Failed', error, outputResources: [] })
      await written.then(
        () => process.stderr.write(`emulator: ${message}\n`),
        () => undefined,
      )
    } finally {
      this.#cancelled.delete(row.seq)
    }
  }

  async validate(call: Call, params: Params): Promise<Reply> {
    const wanted = await this.#wanted(call, params)
    if ('status' in wanted) return { ...wanted, unlogged: true }
    const { id, scope, name } = identity(params)
    const { template } = wanted.request
    const row = DeploymentStore.draft({
      id,
      scope,
      name,
      template,
      prepared: wanted.prepared,
      now: this.#front.clock.iso(),
    })
    return { status: 200, body: validationBody(row), unlogged: true }
  }

  /** Reads and prepares what the request asks for; a reply where it is not in order. */
  async #wanted(call: Call, params: Params): Promise<Reply | { request: Request; prepared: Prepared }> {
    const request = requestOf(await bodyOf(call), params)
    const place = await placeOf(this.#front, call, { params, request })
    const { template, properties } = request
    try {
      const now = () => this.#front.clock.now()
      return { request, prepared: prepare({ template, parameters: property(properties, 'parameters'), place, now }) }
    } catch (thrown) {
      if (thrown instanceof TemplateViolation) return violationReply(thrown, template)
      throw thrown
    }
  }

  need(params: Params): DeploymentRow {
    const found = this.#store.get(identity(params).id)
    if (found !== undefined) return found
    throw new Refusal(404, 'DeploymentNotFound', `Deployment '${params['name']}' could not be found.`)
  }

  exists(params: Params): Reply {
    return { status: this.#store.get(identity(params).id) === undefined ? 404 : 204 }
  }

  async remove(call: Call, params: Params): Promise<Reply> {
    const { id } = identity(params)
    return call.commit(() => {
      const found = this.#store.get(id)
      if (found !== undefined && this.#cancelled.has(found.seq)) throw stillActive(found)
      this.#store.remove(id)
      return { status: 204, note: { subject: id } }
    })
  }

  async cancel(call: Call, params: Params): Promise<Reply> {
    const row = this.need(params)
    if (!this.#cancelled.has(row.seq)) {
      const message = `The deployment '${row.name}' cannot be cancelled because it has finished: its state is '${row.state}'.`
      throw new Refusal(409, 'DeploymentCannotBeCancelled', message)
    }
    this.#cancelled.set(row.seq, true)
    return call.commit(() => ({ status: 204, note: { subject: row.id } }))
  }

  template(params: Params): Reply {
    return { status: 200, body: { template: JSON.parse(this.need(params).templateJson) }, unlogged: true }
  }

  status(params: Params): Reply {
    const row = this.need(params)
    if (row.statusId.toLowerCase() === params['operation']?.toLowerCase()) return ok(statusBody(row))
    throw new Refusal(404, 'DeploymentOperationNotFound', `The operation '${params['operation']}' was not found.`)
  }

  operations(params: Params): Reply {
    const row = this.need(params)
    return ok({ value: operationBodies(row, this.#store.operations(row.id)) })
  }

  operation(params: Params): Reply {
    const row = this.need(params)
    const all = operationBodies(row, this.#store.operations(row.id))
    const wanted = params['operation'] ?? ''
    const found = all.find((one) => textAt(one, 'operationId')?.toLowerCase() === wanted.toLowerCase())
    if (found !== undefined) return ok(found)
    throw new Refusal(404, 'DeploymentOperationNotFound', `The deployment operation '${wanted}' was not found.`)
  }

  list(call: Call, params: Params): Reply {
    const top = Number(call.query.get('$top') ?? 100)
    const limit = Number.isInteger(top) && top > 0 ? Math.min(top, 1000) : 100
    const before = Number(call.query.get('$skiptoken') ?? Number.MAX_SAFE_INTEGER)
    const state = /provisioningState\s+eq\s+'([^']+)'/i.exec(call.query.get('$filter') ?? '')?.[1]
    const rows = this.#store.list(identity(params).scope, {
      before,
      limit: limit + 1,
      ...(state === undefined ? {} : { state }),
    })
    const value = rows.slice(0, limit)
    const last = value.at(-1)
    if (rows.length <= limit || last === undefined) return ok({ value: value.map(deploymentBody) })
    const query = new URLSearchParams(call.query)
    query.set('$skiptoken', String(last.seq))
    return ok({ value: value.map(deploymentBody), nextLink: `https://${call.host}${call.path}?${query}` })
  }
}

function ok(body: JsonObject): Reply {
  return { status: 200, body }
}

function identity(params: Params): { readonly id: string; readonly scope: string; readonly name: string } {
  const { subscription = '', group, name = '' } = params
  const scope = `/subscriptions/${subscription}${group === undefined ? '' : `/resourceGroups/${group}`}`
  return { scope, name, id: `${scope}/providers/Microsoft.Resources/deployments/${name}` }
}

function begun(call: Call, row: DeploymentRow): Omit<Reply, 'status'> {
  const version = call.query.get('api-version') ?? ''
  const poll = `https://${call.host}${row.id}/operationStatuses/${row.statusId}?api-version=${version}`
  return {
    headers: { 'azure-asyncoperation': encodeURI(poll), 'retry-after': '1' },
    body: deploymentBody(row),
    note: { subject: row.id, facts: { templateHash: row.templateHash, correlationId: row.correlationId } },
  }
}

function stillActive({ name, startedAt }: DeploymentRow): Refusal {
  const message = `Unable to edit or replace deployment '${name}': previous deployment from '${startedAt}' is still active. Please see https://aka.ms/arm-deploy for usage details.`
  return new Refusal(409, 'DeploymentActive', message)
}

function senderOf(front: FrontArm, call: Call): Sender {
  return new Sender(front, { authorization: call.headers.authorization ?? '', client: call.client })
}

/** The body, read past the activity log: it may hold values of secure parameters. */
async function bodyOf(call: Call): Promise<JsonObject> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of call.body) {
    size += chunk.length
    if (size > LIMIT)
      throw new Refusal(
        413,
        'RequestContentTooLarge',
        `The request content size exceeds the maximum size of ${LIMIT} bytes.`,
      )
    chunks.push(chunk)
  }
  try {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    if (isJsonObject(body)) return body
  } catch (failure) {
    throw invalid(`The request content was invalid and could not be deserialized: '${(failure as Error).message}'.`)
  }
  throw invalid('The request content was invalid: it is not a JSON object.')
}

function invalid(message: string): Refusal {
  return new Refusal(400, 'InvalidRequestContent', message)
}

function requestOf(body: JsonObject, { group, name = '' }: Params): Request {
  const properties = property(body, 'properties')
  if (!isObject(properties)) throw invalid("The request content is not valid: the property 'properties' is missing.")
  if (!/^[-\w.()]{1,64}$/.test(name)) {
    const message = `The deployment name '${name}' is not valid: it may have 1 to 64 letters, digits, and the characters '-', '_', '.', '(' and ')'.`
    throw new Refusal(400, 'InvalidDeploymentName', message)
  }
  if (group === undefined && textAt(body, 'location') === undefined) {
    throw new Refusal(400, 'LocationRequired', `The 'location' property must be specified for '${name}'.`)
  }
  const mode = (textAt(properties, 'mode') ?? 'Incremental').toLowerCase()
  if (mode === 'complete') throw notImplemented('Deployments_CreateOrUpdate in the mode Complete')
  if (mode !== 'incremental')
    throw new Refusal(400, 'InvalidDeploymentMode', `The deployment mode '${mode}' is not valid.`)
  for (const link of ['templateLink', 'parametersLink', 'onErrorDeployment']) {
    const value = property(properties, link)
    if (value !== undefined && value !== null) throw notImplemented(`Deployments_CreateOrUpdate with ${link}`)
  }
  refuseVaultReferences(property(properties, 'parameters'))
  const template = property(properties, 'template')
  if (isObject(template)) return { body, properties, template }
  throw invalid("The request content is not valid: one of 'template' and 'templateLink' must be given.")
}

function refuseVaultReferences(parameters: Json | undefined): void {
  const holders = isObject(parameters) ? Object.values(parameters) : []
  if (holders.some((holder) => isObject(holder) && property(holder, 'reference') !== undefined)) {
    throw notImplemented('Deployments_CreateOrUpdate with a parameter that refers to a secret of a key vault')
  }
}

/** Asks ARM for what the template may say about its place. A resource group that is not there is refused here. */
async function placeOf(
  front: FrontArm,
  call: Call,
  wanted: { readonly params: Params; readonly request: Request },
): Promise<Place> {
  const { params, request } = wanted
  const { scope, name } = identity(params)
  const sender = senderOf(front, call)
  const read = async (path: string): Promise<JsonObject> => {
    const { status, body } = await sender.send('GET', `${encodeURI(path)}?api-version=2022-12-01`)
    if (status < 400 && isJsonObject(body)) return body
    const error = isJsonObject(body) ? property(body, 'error') : undefined
    const [code, message] = isObject(error) ? [textAt(error, 'code'), textAt(error, 'message')] : []
    throw new Refusal(status, code ?? 'InvalidScope', message ?? `The scope '${path}' was not found.`)
  }
  const own = await read(`/subscriptions/${params['subscription']}`)
  const tenantId = textAt(own, 'tenantId') ?? ''
  const { template, properties, body } = request
  const location = property(body, 'location')
  const shown = {
    template,
    parameters: property(properties, 'parameters') ?? {},
    mode: 'Incremental',
    provisioningState: 'Accepted',
  }
  return {
    id: scope,
    subscription: {
      id: textAt(own, 'id') ?? '',
      subscriptionId: textAt(own, 'subscriptionId') ?? '',
      tenantId,
      displayName: textAt(own, 'displayName') ?? '',
    },
    resourceGroup: params['group'] === undefined ? undefined : await read(scope),
    tenant: { countryCode: 'US', displayName: 'Emulator', id: `/tenants/${tenantId}`, tenantId },
    deployment: { name, ...(location === undefined ? {} : { location }), properties: shown },
    deployer: { objectId: call.caller.id, tenantId },
  }
}
