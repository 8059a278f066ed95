import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import findMyWay from 'find-my-way'

interface Reply {
  method: string
  path: string
  status: number
  contentType: string | undefined
  body: string
}

/** How a path or method that is not there may be refused. */
const UNMATCHED = new Set([400, 404, 405, 414, 429])

/**
 * Holds replies against an OpenAPI document: what differs, in words; nothing where it fits. A path or method that the
 * document does not have may be answered with the refusals of {@link UNMATCHED} only.
 */
export function openapiContract(document: Record<string, unknown>): Contract {
  const text = JSON.stringify(document)
  let contract = contracts.get(text)
  if (contract === undefined) {
    contract = makeContract(document)
    contracts.set(text, contract)
  }
  return contract
}

type Contract = (reply: Reply) => string[]

/** By the text of their document: the many applications of a test file have one, whose schemas are compiled once. */
const contracts = new Map<string, Contract>()

function makeContract(document: Record<string, unknown>): Contract {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  addFormats.default(ajv)
  ajv.addSchema(document, 'openapi')
  const operations = findMyWay()
  const compiled = new Map<string, ValidateFunction>()
  const paths = document.paths as Record<string, Record<string, { responses: Record<string, Response> }>>
  for (const [template, methods] of Object.entries(paths))
    for (const [method, operation] of Object.entries(methods)) {
      const store = {
        pointer: `/paths/${pointerSegment(template)}/${method}/responses`,
        responses: operation.responses,
      }
      operations.on(method.toUpperCase() as 'GET', template.replaceAll(/\{(\w+)\}/g, ':$1'), () => {}, store)
    }

  interface Response {
    content?: Record<string, unknown>
  }

  return function defects({ method, path, status, contentType, body }) {
    const known = operations.find(
      (method === 'HEAD' ? 'GET' : method) as 'GET',
      path.split('?', 1)[0] as string,
    )
    const media = contentType?.split(';', 1)[0]
    if (!known) {
      const free = ['/docs', '/openapi.json'].some((prefix) => path.startsWith(prefix))
      if (free || (media === 'application/problem+json' && UNMATCHED.has(status))) return []
      return [`${method} ${path} is not documented and answered ${status} ${media}`]
    }
    const { pointer, responses } = known.store as { pointer: string; responses: Record<string, Response> }
    const response = responses[status]
    if (!response) return [`${method} ${path} answered ${status}, which is not documented`]
    if (method === 'HEAD') return []
    const empty = status === 204 || !response.content
    if (empty) return body === '' ? [] : [`${method} ${path} ${status} has a body, which is not documented`]
    if (media === undefined || !response.content?.[media])
      return [`${method} ${path} ${status} is ${media}, which is not documented`]
    const reference = `openapi#${pointer}/${status}/content/${pointerSegment(media)}/schema`
    let validate = compiled.get(reference)
    if (!validate) {
      validate = ajv.compile({ $ref: reference })
      compiled.set(reference, validate)
    }
    if (validate(JSON.parse(body))) return []
    return [`${method} ${path} ${status}: ${ajv.errorsText(validate.errors)}`]
  }
}

/** A JSON Pointer's segment within a URI fragment. */
function pointerSegment(segment: string): string {
  return encodeURIComponent(segment.replaceAll('~', '~0').replaceAll('/', '~1'))
}
