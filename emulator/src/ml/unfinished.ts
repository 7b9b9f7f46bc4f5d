import { readFileSync } from 'node:fs'
import { type Route, UNFINISHED } from '../router.ts'

type Method = Route[0]

/** One operation of the vendor's spec, version 2025-12-01. */
export interface VendorOperation {
  readonly name: string
  readonly method: Method
  /** Path with `{parameters}`. */
  readonly path: string
}

/** Every operation of the vendor's spec, from the table beside this file. */
export function vendorOperations(): readonly VendorOperation[] {
  const text = readFileSync(new URL('operations.tsv', import.meta.url), 'utf8')
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [name = '', method = '', path = ''] = line.split('\t')
      return { name, method: method as Method, path }
    })
}

/** What versions before that one have at an address of its operations; clients of them still call it. */
const EARLIER: readonly VendorOperation[] = [
  {
    name: 'jobs_update',
    method: 'PATCH',
    path: '/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.MachineLearningServices/workspaces/{workspaceName}/jobs/{id}',
  },
]

/** Routes for the operations that `done` leaves out: each answers 501 with its name. */
export function unfinishedRoutes(done: readonly Route[]): readonly Route[] {
  const there = new Set(done.map(([method, path]) => shapeOf(method, path)))
  return [...vendorOperations(), ...EARLIER]
    .filter(({ method, path }) => !there.has(shapeOf(method, path)))
    .map(({ name, method, path }) => [method, path.replaceAll(/\{(\w+)\}/g, ':$1'), name, UNFINISHED])
}

/** Method and path without the names of parameters and without case: equal for equal addresses. */
export function shapeOf(method: string, path: string): string {
  return `${method} ${path.replaceAll(/\{\w+\}|:\w+/g, ':').toLowerCase()}`
}
