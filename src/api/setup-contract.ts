/** Wire types of the first set-up. */

interface SetupService {
  service: string;
  last_seen: string;
  /** Of the last day. */
  spans: number;
  attributed: number;
  example_tenant: string | null;
}

export interface SetupBody {
  /** null: no ingest process has told. */
  otlp_http_port: number | null;
  otlp_grpc_port: number | null;
  /** Only programs on the server's own machine reach it. */
  local_only: boolean;
  /** Header that takes the key where `authorization` cannot be set. */
  key_header: string;
  tenant_attributes: string[];
  without_key: number;
  services: SetupService[];
}
