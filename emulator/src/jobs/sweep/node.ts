import { durationOf } from '../duration.ts'
import { given, objectOr, textOr, type Values } from '../fields.ts'
import { camel } from '../graph/bindings.ts'
import { spaceOfNode } from './space.ts'

/** The fields of a sweep job that a node of a pipeline becomes. `command` are those of its trial. */
export function sweepNode(own: Values, command: Values): Values {
  const sampling = own['sampling_algorithm']
  const limits = camel(own['limits'])
  const durations = Object.fromEntries(
    ['timeout', 'trialTimeout'].flatMap((name) => (limits[name] == null ? [] : [[name, durationOf(limits[name])]])),
  )
  const space = spaceOfNode(own)
  const { type, ...algorithm } = objectOr(sampling)
  return {
    jobType: 'Sweep',
    componentId: null,
    trial: trialOf(command, Object.keys(space)),
    searchSpace: space,
    samplingAlgorithm: {
      ...camel(algorithm),
      samplingAlgorithmType: camel(algorithm)['samplingAlgorithmType'] ?? type ?? textOr(sampling, 'random'),
    },
    objective: camel(own['objective']),
    limits: { jobLimitsType: 'Sweep', ...given(limits), ...durations },
    ...(own['early_termination'] == null ? {} : { earlyTermination: policyOf(own['early_termination']) }),
  }
}

function policyOf(raw: unknown): Values {
  const { type, ...policy } = camel(raw)
  return { ...policy, policyType: policy['policyType'] ?? type }
}

/** The trial's command, which a component writes with inputs, with the parameters of the sweep in their places. */
function trialOf(command: Values, parameters: readonly string[]): Values {
  const { command: text, codeId, environmentId, environmentVariables, resources, distribution } = command
  const swept = String(text).replaceAll(/\$\{\{\s*inputs\.([^\s}]+)\s*\}\}/g, (whole, name: string) =>
    parameters.includes(name) ? `\${{search_space.${name}}}` : whole,
  )
  return { command: swept, codeId, environmentId, environmentVariables, resources, distribution }
}
