import type { Sender } from '../../arm/template/execute/sender.ts'
import type { DeploymentRow, NewDeployment } from '../../arm/template/execute/store.ts'
import { isObject, property, textAt } from '../../arm/template/json.ts'
import type { Place } from '../../arm/template/language/scope.ts'
import { type Prepared, prepare } from '../../arm/template/prepare.ts'
import type { FrontArm } from '../front-arm.ts'
import { placeOf } from './place.ts'
import type { Request } from './request.ts'
import type { OnError } from './rollback.ts'
import { withSecrets } from './vault-references.ts'

/** What is to be deployed: what a request asks for, or once more what was deployed earlier. */
export type Asked = Omit<Request, 'properties'>

/** Who asks. */
export interface By {
  readonly sender: Sender
  readonly callerId: string
  readonly client: string
  readonly correlationId: string
}

/** A deployment that is in order and can begin. */
export interface Wanted {
  readonly asked: Asked
  readonly by: By
  readonly prepared: Prepared
  readonly place: Place
  readonly onError: OnError | undefined
}

/** Prepares what is asked for. Throws TemplateViolation where its template is not in order. */
export async function wantedOf(asked: Asked, by: By, front: FrontArm): Promise<Wanted> {
  const place = await placeOf(asked, by)
  const send = (method: string, path: string) => by.sender.send(method, path)
  const parameters = await withSecrets(asked.parameters, { ...by, front, send })
  const prepared = prepare({ template: asked.template, parameters, place, now: () => front.clock.now() })
  return { asked, by, prepared, place, onError: asked.onError }
}

/** The row that a deployment is kept as. */
export function rowOf({ asked, by, prepared }: Wanted): NewDeployment {
  const tags = property(asked.body, 'tags')
  return {
    ...asked,
    location: textAt(asked.body, 'location'),
    tags: isObject(tags) ? tags : undefined,
    prepared,
    correlationId: by.correlationId,
  }
}

/** An earlier deployment as a rollback asks for it: with the same parameters, and whatever it was, in the mode Complete. */
export function askedAgain(row: DeploymentRow): Asked {
  const { id, scope, name, location, tagsJson, templateJson, givenJson, linkJson } = row
  return {
    id,
    scope,
    name,
    body: {
      ...(location === null ? {} : { location }),
      ...(tagsJson === null ? {} : { tags: JSON.parse(tagsJson) }),
    },
    template: JSON.parse(templateJson),
    parameters: givenJson === null ? undefined : JSON.parse(givenJson),
    link: linkJson === null ? undefined : JSON.parse(linkJson),
    links: linksOf(row),
    mode: 'Complete',
    onError: undefined,
  }
}

function linksOf({ factsJson }: DeploymentRow): Request['links'] {
  const { templateLink, parametersLink } = JSON.parse(factsJson)
  return { ...(templateLink && { templateLink }), ...(parametersLink && { parametersLink }) }
}
