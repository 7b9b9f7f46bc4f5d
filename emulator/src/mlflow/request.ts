import type { Call, Reply } from '../call.ts'
import type { Scoped } from '../history/scope.ts'
import type { Region } from '../region.ts'
import type { Fields } from './fields.ts'

/** One request to MLflow's API, as its handlers see it. */
export interface Request {
  readonly region: Region
  readonly call: Call
  readonly scope: Scoped
  readonly fields: Fields
}

export type Answer = (request: Request) => Reply | Promise<Reply>

/** Method, path below `/api/2.0/mlflow/`, MLflow's name of the operation, what answers. */
export type Row = readonly [
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  operation: string,
  answer: Answer,
]
