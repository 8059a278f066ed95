import { h } from './dom.js'

/** The content of widgets that are not drawn, for readers without Datadog. */
const ELSEWHERE = [
  [
    /^(?:slo|slo_list|alert_graph|alert_value|check_status|manage_status)$/,
    'shows objectives and monitors, which Datadog evaluates; they are not sent here',
  ],
  [/^(?:event_stream|event_timeline)$/, 'shows events, which Datadog keeps; they never come here'],
  [
    /^(?:log_stream|list_stream)$/,
    'is a list that Datadog keeps; the Logs and Traces pages list the data here',
  ],
  [
    /^(?:trace_service|servicemap|topology_map)$/,
    'is made by Datadog of all services; the Traces page shows the traces here',
  ],
  [/^(?:iframe|image)$/, 'shows another site, and these pages load nothing from there'],
  [
    /^powerpack$/,
    "shows widgets that Datadog keeps outside the dashboard's file: turn it into a group there to see them here",
  ],
  [/^(?:run_workflow)$/, 'starts a workflow at Datadog'],
]

/** A sentence with the mend. */
export function whyNotDrawn(type) {
  const found = ELSEWHERE.find(([pattern]) => pattern.test(type))
  const name = `“${type ?? 'nothing'}”`
  return found
    ? `A widget of type ${name} ${found[1]}.`
    : `Widgets of type ${name} are not drawn here; Datadog shows them. As a time series, top list or table the same query is drawn.`
}

/** Links to the explorer for the queries of a widget that is not drawn. */
export function explorerLinks({ requests }) {
  const all = (Array.isArray(requests) ? requests : Object.values(requests ?? {})).flatMap((request) => [
    request?.q,
    request?.query?.query,
    ...(Array.isArray(request?.queries) ? request.queries : []).map((query) => query?.query),
  ])
  const queries = [...new Set(all.filter((query) => typeof query === 'string' && query.includes('{')))]
  return queries.slice(0, 3).map((query) => {
    const plain = query.replaceAll(/\$[\w-]+(?:\.value)?/g, '*')
    return h('a', { href: `/explorer?${new URLSearchParams({ q: plain })}` }, plain)
  })
}

export function freeText({ text = '', color, font_size: size, text_align: align }) {
  const points = Number.parseFloat(size)
  return h(
    'section',
    {
      class: 'widget note free-text',
      data: { tone: 'plain', align: ['center', 'right'].includes(align) ? align : 'left' },
    },
    h(
      'p',
      {
        style: {
          ...(/^#[0-9a-f]{3,8}$/i.test(color ?? '') && { color }),
          ...(points >= 10 && points <= 72 && { 'font-size': `${points}px` }),
        },
      },
      String(text),
    ),
  )
}
