/** The few calls of the MLflow REST API that a training script needs, with nothing but fetch. */
export interface Tracking {
  params(values: Readonly<Record<string, string | number>>): Promise<void>
  tags(values: Readonly<Record<string, string>>): Promise<void>
  metrics(step: number, values: Readonly<Record<string, number>>): Promise<void>
  artifact(path: string, content: string): Promise<void>
}

/** Tracking into the run that the environment names, as a job of Azure Machine Learning gets it. */
export async function trackingFromEnvironment(environment: NodeJS.ProcessEnv): Promise<Tracking> {
  const { MLFLOW_TRACKING_URI: uri, MLFLOW_TRACKING_TOKEN: token, MLFLOW_RUN_ID: run } = environment
  if (uri === undefined || token === undefined || run === undefined) {
    throw new Error(
      'MLFLOW_TRACKING_URI, MLFLOW_TRACKING_TOKEN and MLFLOW_RUN_ID name the run to log to; one is missing.',
    )
  }
  const base = uri.replace(/^azureml:/, 'https:').replace(/\/$/, '')

  async function call(method: string, path: string, body?: string): Promise<unknown> {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const answer = await fetch(
      `${base}/api/2.0/${path}`,
      body === undefined ? { method, headers } : { method, headers, body },
    )
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path} was answered ${answer.status}: ${text.slice(0, 300)}`)
    return text === '' ? {} : JSON.parse(text)
  }

  const log = (batch: object) => call('POST', 'mlflow/runs/log-batch', JSON.stringify({ run_id: run, ...batch }))
  const pairs = (values: Readonly<Record<string, string | number>>) =>
    Object.entries(values).map(([key, value]) => ({ key, value: String(value) }))
  const found = (await call('GET', `mlflow/runs/get?run_id=${encodeURIComponent(run)}`)) as {
    run: { info: { artifact_uri: string } }
  }
  const artifacts = found.run.info.artifact_uri.replace(/^mlflow-artifacts:\/*/, '')

  return {
    params: async (values) => void (await log({ params: pairs(values) })),
    tags: async (values) => void (await log({ tags: pairs(values) })),
    metrics: async (step, values) => {
      const timestamp = Date.now()
      await log({ metrics: Object.entries(values).map(([key, value]) => ({ key, value, timestamp, step })) })
    },
    artifact: async (path, content) =>
      void (await call('PUT', `mlflow-artifacts/artifacts/${artifacts}/${path}`, content)),
  }
}
