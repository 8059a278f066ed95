import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { type ReceivedRequest, Refused, type Reply } from '../answering-server.ts'
import type { Intake } from './intake.ts'

const closed = { additionalProperties: false }

const Refusal = Type.Integer({ minimum: 400, maximum: 599 })

/** An `Answer` of the receiver of tests. */
const Answer = Type.Union([
  Refusal,
  Type.Object({ status: Refusal, headers: Type.Optional(Type.Record(Type.String(), Type.String())) }, closed),
  Type.Object(
    {
      status: Type.Literal(200),
      rejected: Type.Object({ rejected: Type.Integer({ minimum: 1 }), message: Type.String() }, closed),
    },
    closed,
  ),
  Type.Union([Type.Literal('no answer'), Type.Literal('reset'), Type.Literal('lost reply')]),
])

const Order = Type.Union([
  Type.Object(
    {
      do: Type.Literal('misbehave'),
      answer: Answer,
      times: Type.Optional(Type.Integer({ minimum: 1 })),
      forMs: Type.Optional(Type.Integer({ minimum: 1 })),
      signal: Type.Optional(
        Type.Union([Type.Literal('metrics'), Type.Literal('traces'), Type.Literal('logs')]),
      ),
    },
    closed,
  ),
  Type.Object({ do: Type.Union([Type.Literal('behave'), Type.Literal('forget')]) }, closed),
])

/** What `POST /control` takes. */
export type Order = Static<typeof Order>

/**
 * The side door, which needs no key: `POST /control` with an order, `GET /stored` for all counters and refusals, and
 * `GET /stored?query=sum|count|points|gaps|percentile&metric=…[&filter=a:b,c:d][&by=tag,tag][&p=0.95]` for what is stored.
 */
export function answerControl(intake: Intake, request: ReceivedRequest): Reply {
  const route = `${request.method} ${request.path}`
  let status = 200
  let reply: unknown
  try {
    if (route === 'GET /stored') reply = query(intake, request.query)
    else if (route === 'POST /control') reply = obey(intake, readOrder(request.body))
    else throw new Refused(404, 'There is only POST /control and GET /stored beside the intake.')
  } catch (error) {
    status = error instanceof Refused ? error.status : 400
    reply = { error: (error as Error).message }
  }
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(reply) }
}

function readOrder(body: Buffer): Order {
  const order: unknown = JSON.parse(body.toString('utf8'))
  if (Value.Check(Order, order)) return order
  throw new Refused(400, 'That is no order; see test/intake/control.ts.')
}

function obey(intake: Intake, order: Order): object {
  if (order.do === 'misbehave') intake.misbehaving.order(order.answer, order)
  else if (order.do === 'behave') intake.misbehaving.behave()
  else intake.forget()
  return { ok: true }
}

function query(intake: Intake, parameters: URLSearchParams): unknown {
  const list = (name: string) => parameters.get(name)?.split(',') ?? []
  const metric = parameters.get('metric') ?? ''
  const selection = { metric, filter: list('filter'), by: list('by') }
  switch (parameters.get('query')) {
    case null:
      return {
        metrics: {
          ...intake.metrics.counters,
          series: intake.metrics.seriesPerMetric(),
          overwrittenPerMetric: intake.metrics.overwrittenPerMetric(),
        },
        traces: intake.traces,
        logs: intake.logs,
        requests: intake.requests,
        misbehaved: intake.misbehaving.done,
        refused: intake.refusals.list(),
      }
    case 'sum':
      return intake.metrics.sum(selection)
    case 'count':
      return intake.metrics.count(selection)
    case 'points':
      return intake.metrics.points(selection)
    case 'gaps':
      return intake.metrics.gaps(selection)
    case 'percentile':
      return intake.metrics.percentile(selection, fraction(parameters.get('p')))
    default:
      throw new Refused(400, 'query must be sum, count, points, gaps or percentile.')
  }
}

function fraction(text: string | null): number {
  const value = Number(text)
  if (text === null || !(value >= 0 && value <= 1)) throw new Refused(400, 'p must be from 0 to 1.')
  return value
}
