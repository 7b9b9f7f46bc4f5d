import { complete } from '../../arm/template/execute/complete.ts'
import { type DeploymentResult, type Execution, execute } from '../../arm/template/execute/run.ts'
import { Sender } from '../../arm/template/execute/sender.ts'
import { type DeploymentRow, DeploymentStore } from '../../arm/template/execute/store.ts'
import {
  deploymentBody,
  operationBodies,
  statusBody,
  validationBody,
  violationReply,
} from '../../arm/template/execute/view.ts'
import { isObject, type JsonObject, property, textAt } from '../../arm/template/json.ts'
import { TemplateViolation } from '../../arm/template/violation.ts'
import { foresee } from '../../arm/template/what-if/foresee.ts'
import type { Call, Reply } from '../../call.ts'
import { Refusal } from '../../refusal.ts'
import type { FrontArm } from '../front-arm.ts'
import { nestedReader } from './nested-reader.ts'
import { identity, type Params, requestOf } from './request.ts'
import { earlierOf, failing, type OnError, told } from './rollback.ts'
import { askedAgain, type By, rowOf, type Wanted, wantedOf } from './wanted.ts'
import { WhatIfs } from './what-ifs.ts'

/** A template that deploys itself under ever new names would never end. Azure keeps 800 in a group. */
const MOST_UNDER_WAY = 200

/** Deployments as ARM serves them. */
export class Deployments {
  readonly whatIfs: WhatIfs
  readonly #front: FrontArm
  readonly #store: DeploymentStore
  /** Deployments under way, by seq. True: asked to end. */
  readonly #cancelled = new Map<number, boolean>()

  constructor(front: FrontArm) {
    this.#front = front
    this.#store = new DeploymentStore(front.db, front.clock)
    this.whatIfs = new WhatIfs(front.db)
  }

  async put(call: Call, params: Params): Promise<Reply> {
    const wanted = await this.#wanted(call, params)
    if ('status' in wanted) return wanted
    const { row, value: reply } = await this.#begin(wanted, (begin) =>
      call.commit(() => {
        if (this.#cancelled.size >= MOST_UNDER_WAY) throw tooMany(wanted.asked.name)
        const status = this.#store.get(wanted.asked.id) === undefined ? 201 : 200
        return { status, ...begun(call, begin()) }
      }),
    )
    void this.#run(row, wanted)
    return reply
  }

  /**
   * Puts a deployment in the place of an earlier one of its name, in the write that `write` does.
   *
   * It is under way from then on, and not only when the write is done: another of its name may stand in the same group of writes.
   */
  async #begin<T>(
    wanted: Wanted,
    write: (begin: () => DeploymentRow) => Promise<T>,
  ): Promise<{ readonly row: DeploymentRow; readonly value: T }> {
    const rows: DeploymentRow[] = []
    const begin = (): DeploymentRow => {
      const before = this.#store.get(wanted.asked.id)
      if (before !== undefined && this.#cancelled.has(before.seq)) throw stillActive(before)
      const row = this.#store.begin(rowOf(wanted))
      this.#cancelled.set(row.seq, false)
      rows.push(row)
      return row
    }
    try {
      const value = await write(begin)
      const [row] = rows
      if (row === undefined) throw new Error('a deployment was not begun')
      return { row, value }
    } catch (failure) {
      for (const { seq } of rows) this.#cancelled.delete(seq)
      throw failure
    }
  }

  /** Works in the background. What cannot be written down was interrupted, and the next opening says so. */
  async #run(row: DeploymentRow, wanted: Wanted): Promise<DeploymentResult['state']> {
    try {
      await this.#store.running(row)
      const result = await this.#execute(row, wanted)
      const { onError } = wanted
      if (result.state !== 'Failed' || onError === undefined) await this.#store.finish(row, result)
      else {
        const { facts, error } = await this.#rollBack(row, wanted.by, onError)
        await this.#store.finish(row, error === undefined ? result : failing(result, error), facts)
      }
      return result.state
    } catch (failure) {
      const message = failure instanceof Error ? (failure.stack ?? failure.message) : String(failure)
      const error = { code: 'InternalServerError', message: 'The emulator has a defect here; its log has the place.' }
      const written = this.#store.finish(row, { state: 'Failed', error, outputResources: [] })
      await written.then(
        () => process.stderr.write(`emulator: ${message}\n`),
        () => undefined,
      )
      return 'Failed'
    } finally {
      this.#cancelled.delete(row.seq)
    }
  }

  #execute(row: DeploymentRow, { asked, prepared, by }: Wanted): Promise<DeploymentResult> {
    const recorder = this.#store.recorder(row)
    const { sender } = by
    const cancelled = () => this.#cancelled.get(row.seq) === true
    const execution: Execution = { prepared, sender, recorder, cancelled }
    const finish = () => complete({ scope: row.scope, named: this.#store.named(row.id), sender, recorder })
    return execute(asked.mode === 'Complete' ? { ...execution, finish } : execution)
  }

  /** Deploys an earlier deployment once more in the place of one that failed, which is told of it. */
  async #rollBack(failed: DeploymentRow, by: By, onError: OnError): Promise<{ facts: JsonObject; error?: string }> {
    const earlier = earlierOf(this.#store, failed, onError)
    if (typeof earlier === 'string') {
      return { facts: { onErrorDeployment: told(onError, undefined, 'Failed') }, error: earlier }
    }
    const end = (state: DeploymentResult['state']) => ({ onErrorDeployment: told(onError, earlier.name, state) })
    try {
      const wanted = await wantedOf(askedAgain(earlier), by, this.#front)
      const { row } = await this.#begin(wanted, (begin) => this.#front.db.write(begin))
      return { facts: end(await this.#run(row, wanted)) }
    } catch (thrown) {
      if (thrown instanceof TemplateViolation || thrown instanceof Refusal) {
        return { facts: end('Failed'), error: thrown.message }
      }
      throw thrown
    }
  }

  async validate(call: Call, params: Params): Promise<Reply> {
    const wanted = await this.#wanted(call, params)
    if ('status' in wanted) return { ...wanted, unlogged: true }
    const row = DeploymentStore.draft({ ...rowOf(wanted), now: this.#front.clock.iso() })
    return { status: 200, body: validationBody(row), unlogged: true }
  }

  async whatIf(call: Call, params: Params): Promise<Reply> {
    const wanted = await this.#wanted(call, params)
    if ('status' in wanted) return { ...wanted, unlogged: true }
    const { asked, prepared, place, by } = wanted
    const properties = property(asked.body, 'properties')
    const settings = isObject(properties) ? property(properties, 'whatIfSettings') : undefined
    const format = isObject(settings) ? textAt(settings, 'resultFormat') : undefined
    const whole = format?.toLowerCase() !== 'resourceidonly'
    const prepareNested = nestedReader({ ...by, front: this.#front, around: place })
    const { sender } = by
    return this.whatIfs.begin(call, asked.id, () =>
      foresee(prepared, place, { sender, mode: asked.mode, whole, prepareNested }),
    )
  }

  /** Reads and prepares what the request asks for; a reply where it is not in order. */
  async #wanted(call: Call, params: Params): Promise<Reply | Wanted> {
    const asked = await requestOf(call, params, this.#front)
    const sender = new Sender(this.#front, { authorization: call.headers.authorization ?? '', client: call.client })
    const by = { sender, callerId: call.caller.id, client: call.client, correlationId: call.correlation }
    try {
      return await wantedOf(asked, by, this.#front)
    } catch (thrown) {
      if (thrown instanceof TemplateViolation) return violationReply(thrown, asked.template)
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
    return ok({ value: value.map(deploymentBody), nextLink: `${call.origin}${call.path}?${query}` })
  }
}

function ok(body: JsonObject): Reply {
  return { status: 200, body }
}

function begun(call: Call, row: DeploymentRow): Omit<Reply, 'status'> {
  const version = call.query.get('api-version') ?? ''
  const poll = `${call.origin}${row.id}/operationStatuses/${row.statusId}?api-version=${version}`
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

function tooMany(name: string): Refusal {
  const message = `Creating the deployment '${name}' would exceed the quota of '${MOST_UNDER_WAY}' that are under way at once. Wait for some of them to end, or cancel them.`
  return new Refusal(409, 'DeploymentQuotaExceeded', message)
}
