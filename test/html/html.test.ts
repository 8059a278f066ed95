import t from 'tap'
import { html } from '../../src/html/html.ts'

t.test('a text is escaped between tags and within quotes; markup of the template is not', async (t) => {
  const hostile = `<script>alert("1" & '2')</script>`
  t.equal(
    html`<p title="${hostile}">${hostile}</p>`.markup,
    '<p title="&#60;script&#62;alert(&#34;1&#34; &#38; &#39;2&#39;)&#60;/script&#62;">&#60;script&#62;alert(&#34;1&#34; &#38; &#39;2&#39;)&#60;/script&#62;</p>',
  )
  t.equal(
    html`<ul>${['<a>', '<b>'].map((text) => html`<li>${text}</li>`)}</ul>`.markup,
    '<ul><li>&#60;a&#62;</li><li>&#60;b&#62;</li></ul>',
  )
})

t.test('lists of texts are escaped too, and what is nothing is left out', async (t) => {
  t.equal(html`${['<', [html`<br>`, '>']]}`.markup, '&#60;<br>&#62;')
  t.equal(html`[${undefined}${null}${false}${true}${0}${''}]`.markup, '[0]')
})
