/** The heading of a section that stands on a page of its own, or among others. */
export function SectionTitle(props: { id: string; text: string; ofPage: boolean }) {
  if (!props.ofPage) return <h2 id={props.id}>{props.text}</h2>;
  return (
    <h1 id={props.id} tabIndex={-1}>
      {props.text}
    </h1>
  );
}
