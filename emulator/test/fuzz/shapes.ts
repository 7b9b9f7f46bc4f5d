import type { Answer } from '../../../test/chaos/client.ts'
import type { Face } from './routes.ts'

/** What is wrong with an answer, or `undefined`: no defect of the emulator, and a refusal in the words of its service. */
export function wrongWith(face: Face, method: string, answer: Answer): string | undefined {
  const { status, text } = answer
  // MLflow answers with 500 where a thing is in a state that forbids the act (`ErrorCode` INVALID_STATE of its exceptions).
  if (face === 'mlflow' && answer.at('error_code') === 'INVALID_STATE') return undefined
  if (status === 500 || status === 502 || status === 503 || status === 507)
    return `answered ${status}: ${text.slice(0, 300)}`
  if (status < 400 || method === 'HEAD') return undefined
  const told = REFUSALS[face](answer)
  return told ? undefined : `refused with ${status} in no shape of ${face}: ${text.slice(0, 300)}`
}

const isText = (value: unknown) => typeof value === 'string' && value !== ''

/** How each service says no. */
const REFUSALS: Readonly<Record<Face, (answer: Answer) => boolean>> = {
  arm: ({ at }) => isText(at('error.code')) && isText(at('error.message')),
  history: ({ at }) => isText(at('error.code')) && isText(at('error.message')),
  mlflow: ({ at }) => isText(at('error_code')) && typeof at('message') === 'string',
  blob: ({ text, headers }) => /<Error><Code>\w+<\/Code><Message>/.test(text) && isText(headers['x-ms-error-code']),
  vault: ({ at }) => isText(at('error.code')) && isText(at('error.message')),
  signin: ({ at }) => isText(at('error')) && isText(at('error_description')),
}
