import { Component, type ComponentChildren } from 'preact';
import { Notice } from './states.tsx';

/** A fault in the page itself must not leave a blank screen at three in the morning. */
export class ErrorBoundary extends Component<{ children: ComponentChildren }, { failed: boolean }> {
  override state = { failed: false };

  static override getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <Notice title="This page has failed" testId="page-failed" alert>
        <p>The fault is in the page, not in your services. The same figures are at /v1/tenants as JSON.</p>
        <p>
          <button type="button" class="button primary" onClick={() => location.reload()}>
            Load it again
          </button>
        </p>
      </Notice>
    );
  }
}
