/** What a first exporter has to be told, and whether anything has come of it. */
export interface SetupAnswer {
  /** Of OTLP/HTTP, as ingest listens; null: no ingest has told. */
  readonly otlpHttpPort: number | null;
  /** Of OTLP/gRPC, likewise. */
  readonly otlpGrpcPort: number | null;
  /** Whether only programs on the server's own machine reach it. */
  readonly isLocalOnly: boolean;
  /** Names under which a tenant is looked for on spans, in this order. */
  readonly tenantAttributes: readonly string[];
  /** Requests that were refused for want of a valid key since ingest started. */
  readonly withoutKey: number;
  /** Services that sent spans within the last day; those that were seen last come first. */
  readonly services: readonly {
    readonly service: string;
    readonly lastAt: number;
    readonly spans: number;
    readonly attributed: number;
    /** One of its tenants; null: it has named none. */
    readonly exampleTenant: string | null;
  }[];
}

export interface Setup {
  look(): Promise<SetupAnswer>;
}
