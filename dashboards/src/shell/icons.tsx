/** Drawn here because an icon font or a data: URL would need an exception in the content security policy. */
function Icon(props: { path: string }) {
  return (
    <svg class="icon" width={16} height={16} viewBox="0 0 16 16" aria-hidden="true">
      <path d={props.path} />
    </svg>
  );
}

export function MenuIcon() {
  return <Icon path="M2 4h12M2 8h12M2 12h12" />;
}

export function SearchIcon() {
  return <Icon path="M11.5 7a4.5 4.5 0 1 1-9 0a4.5 4.5 0 0 1 9 0M10.5 10.5L14 14" />;
}

export function CloseIcon() {
  return <Icon path="M3.5 3.5l9 9M12.5 3.5l-9 9" />;
}
