import { randomUUID } from 'node:crypto'
import type { ArmError } from '../../arm/template/execute/sender.ts'
import { TemplateViolation } from '../../arm/template/violation.ts'
import { type Change, Unforeseen } from '../../arm/template/what-if/foresee.ts'
import type { Call, Reply } from '../../call.ts'
import { Refusal } from '../../refusal.ts'
import type { Database } from '../../state/database.ts'

interface Row {
  readonly token: string
  readonly deployment: string
  readonly bodyJson: string | null
}

const INTERRUPTED: ArmError = {
  code: 'DeploymentWhatIfInterrupted',
  message: 'The emulator ended while it worked on this what-if. Ask again.',
}

/** What-if operations: begun with 202, asked for until they are done, kept so that a restart loses none. */
export class WhatIfs {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
    db.migrate(`
      CREATE TABLE IF NOT EXISTS what_ifs (token TEXT PRIMARY KEY, deployment TEXT NOT NULL, bodyJson TEXT);
      UPDATE what_ifs SET bodyJson = '${JSON.stringify(failed(INTERRUPTED))}' WHERE bodyJson IS NULL;`)
  }

  /** Begins the work and answers with the place to ask. */
  async begin(call: Call, deployment: string, work: () => Promise<readonly Change[]>): Promise<Reply> {
    const token = randomUUID()
    const db = this.#db
    await db.write(() => void db.run('INSERT INTO what_ifs (token, deployment) VALUES (?, ?)', token, deployment))
    // What cannot be written down any more was interrupted, and the next opening says so.
    void bodyOf(work)
      .then((body) =>
        db.write(() => void db.run('UPDATE what_ifs SET bodyJson = ? WHERE token = ?', JSON.stringify(body), token)),
      )
      .catch(() => undefined)
    return accepted(call, deployment, token)
  }

  /** 202 while it is worked on, then the changes. */
  result(call: Call, deployment: string, token: string): Reply {
    const row = this.#db.get<Row>('SELECT * FROM what_ifs WHERE token = ?', token)
    if (row === undefined || row.deployment.toLowerCase() !== deployment.toLowerCase()) {
      throw new Refusal(404, 'DeploymentOperationNotFound', `The what-if '${token}' was not found.`)
    }
    if (row.bodyJson === null) return accepted(call, row.deployment, token)
    return { status: 200, body: JSON.parse(row.bodyJson) }
  }
}

function accepted(call: Call, deployment: string, token: string): Reply {
  const version = encodeURIComponent(call.query.get('api-version') ?? '')
  const location = `${call.origin}${encodeURI(deployment)}/whatIfResults/${token}?api-version=${version}`
  return { status: 202, headers: { location, 'retry-after': '1' }, unlogged: true }
}

async function bodyOf(work: () => Promise<readonly Change[]>): Promise<object> {
  try {
    return { status: 'Succeeded', properties: { changes: await work() } }
  } catch (thrown) {
    if (thrown instanceof Unforeseen) return failed(thrown.error)
    if (thrown instanceof Refusal) return failed({ code: thrown.code, message: thrown.message })
    if (thrown instanceof TemplateViolation) return failed({ code: 'InvalidTemplate', message: thrown.message })
    process.stderr.write(`emulator: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}\n`)
    return failed({ code: 'InternalServerError', message: 'The emulator has a defect here; its log has the place.' })
  }
}

function failed(error: ArmError): object {
  return { status: 'Failed', error }
}
