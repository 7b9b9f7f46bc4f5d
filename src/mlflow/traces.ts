/** Whether an experiment has traces of MLflow 3. A server that knows none has none. */
export type HasTraces = (experimentId: string, signal: AbortSignal) => Promise<boolean>
