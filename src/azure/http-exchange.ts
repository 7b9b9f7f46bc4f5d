import {
  createEmptyPipeline,
  createHttpHeaders,
  createPipelineRequest,
  decompressResponsePolicy,
  type HttpClient,
  type PipelineResponse,
  setClientRequestIdPolicy,
  userAgentPolicy,
} from '@azure/core-rest-pipeline'
import type { Json } from '../core/model.ts'
import { demandLocalUrl, type Tokens } from './credentials.ts'
import { ARM_AUDIENCE, type AzureReply, type AzureRequest, type Exchange } from './exchange.ts'
import { isTimeout, unanswered } from './faults.ts'

export interface HttpExchangeOptions {
  readonly client: HttpClient
  readonly tokens: Tokens
  /** True: a URL of another subscription than the emulator's is refused before anything is sent. */
  readonly local: boolean
  /** How long one request may take, so that a service which hangs never hangs us. */
  readonly requestMilliseconds: number
}

/** Sends requests through Microsoft's pipeline, signed. A token that is refused is asked for anew once. */
export function httpExchange(options: HttpExchangeOptions): Exchange {
  const { client, tokens, local, requestMilliseconds } = options
  const pipeline = createEmptyPipeline()
  pipeline.addPolicy(userAgentPolicy({ userAgentPrefix: 'holdfast' }))
  pipeline.addPolicy(setClientRequestIdPolicy())
  pipeline.addPolicy(decompressResponsePolicy())

  async function send(request: AzureRequest, token: string): Promise<PipelineResponse> {
    const message = createPipelineRequest({
      url: request.url,
      method: request.method,
      headers: createHttpHeaders({ accept: 'application/json', ...request.headers, authorization: `Bearer ${token}` }),
      abortSignal: request.signal,
      timeout: requestMilliseconds,
    })
    if (request.body !== undefined) {
      message.headers.set('content-type', 'application/json')
      message.body = JSON.stringify(request.body)
    }
    try {
      return await pipeline.sendRequest(client, message)
    } catch (thrown) {
      // The caller's own end of patience is the caller's affair, except where it is a clock that ran out.
      if (request.signal.aborted && !isTimeout(request.signal.reason)) throw request.signal.reason
      throw unanswered(request, request.signal.aborted ? request.signal.reason : thrown)
    }
  }

  return async (request) => {
    if (local) demandLocalUrl(request.url)
    const audience = request.audience ?? ARM_AUDIENCE
    const first = await send(request, await tokens.token(audience, request.signal))
    if (first.status !== 401) return replyOf(request, first)
    tokens.forget(audience)
    return replyOf(request, await send(request, await tokens.token(audience, request.signal)))
  }
}

function replyOf(request: AzureRequest, { status, headers, bodyAsText }: PipelineResponse): AzureReply {
  const text = bodyAsText ?? ''
  const all = headers.toJSON()
  if (text.trim() === '') return { status, headers: all, body: undefined }
  try {
    return { status, headers: all, body: (request.parse ?? JSON.parse)(text) as Json }
  } catch {
    // A gateway in between answers in HTML; an answer that was cut off is none.
    if (status >= 300) return { status, headers: all, body: { message: text.slice(0, 200) } }
    throw unanswered(request, new Error(`the answer of ${text.length} characters is no JSON`))
  }
}
