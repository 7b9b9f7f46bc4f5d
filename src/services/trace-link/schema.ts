import { type Address, address, type JsonObject } from '../../core/model.ts'
import { item } from '../../core/snapshot.ts'

/** A trace that was linked to a run, by the ids that both sides know. */
export interface TraceLinkBody {
  /** That of the run. */
  readonly experiment: string
  readonly run: string
  readonly trace: string
}

/** @param traceExperiment the name of the experiment in which the trace is */
export function traceLinkItem(body: TraceLinkBody, traceExperiment: string) {
  const { experiment, run, trace } = body
  const needs: readonly Address[] = [address('run', experiment, run), address('trace', traceExperiment, trace)]
  return item(address('trace-link', experiment, run, trace), { ...body } satisfies JsonObject, needs)
}

export function traceLinkBody(body: JsonObject): TraceLinkBody {
  return body as unknown as TraceLinkBody
}
