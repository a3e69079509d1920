/**
 * A class with decorated methods. The build compiles it with standard decorators; synchronized.test.ts compiles it once
 * more, with TypeScript's legacy ones, so it names the package and not the file.
 */
import { synchronized } from 'tierlock';

/** Who is inside, and who has been. */
export const log: string[] = [];

type Work = () => Promise<unknown>;

export class Ledger {
  readonly id: number;

  constructor(id: number) {
    this.id = id;
  }

  @synchronized('ledger')
  async visit(who: string, work: Work): Promise<string> {
    log.push(`${who} in`);
    await work();
    log.push(`${who} out`);
    return `${who} of ${this.id}`;
  }

  @synchronized('ledger')
  static async audit(who: string, work?: Work): Promise<string> {
    log.push(`${who} in`);
    await work?.();
    return `${who} of ${this.name}`;
  }

  @synchronized(function (this: Ledger, page: number) {
    return `ledger ${this.id} page ${page}`;
  })
  async page(page: number, work: Work): Promise<number> {
    await work();
    return page;
  }

  @synchronized('ledger', { reentrant: true })
  async again(depth: number): Promise<number> {
    return depth === 0 ? 0 : 1 + (await this.again(depth - 1));
  }

  @synchronized('ledger')
  async forEver(depth: number): Promise<number> {
    return depth === 0 ? 0 : this.forEver(depth - 1);
  }

  @synchronized('ledger', { shared: true })
  async read(work: Work): Promise<number> {
    await work();
    return this.id;
  }

  @synchronized.sync('ledger sync')
  next(by: number): number {
    return this.id + by;
  }

  @synchronized.sync('ledger sync', { reentrant: true })
  static fall(depth: number): number {
    return depth === 0 ? 0 : 1 + this.fall(depth - 1);
  }

  @synchronized('ledger')
  async [Symbol.asyncDispose](): Promise<void> {
    log.push('disposed');
  }
}

/** Overrides with the lock on the base's method only. */
export class Book extends Ledger {
  override async visit(who: string, work: Work): Promise<string> {
    return `a book: ${await super.visit(who, work)}`;
  }
}

/** Overrides with the same lock on both. */
export class Tome extends Ledger {
  @synchronized('ledger', { reentrant: true })
  override async visit(who: string, work: Work): Promise<string> {
    return `a tome: ${await super.visit(who, work)}`;
  }

  @synchronized('ledger', { reentrant: true })
  override async again(depth: number): Promise<number> {
    return 100 + (await super.again(depth));
  }
}

// oxlint-disable-next-line typescript/no-explicit-any -- what the types refuse must be refused at run time, too
const anywhere: any = synchronized('refused');

// oxlint-disable typescript/no-extraneous-class
/** Whatever cannot be decorated. */
export const refused: Readonly<Record<string, () => unknown>> = {
  getter: () => {
    class Thing {
      @anywhere
      get thing(): number {
        return 1;
      }
    }
    return Thing;
  },
  setter: () => {
    class Thing {
      @anywhere
      set thing(_: number) {}
    }
    return Thing;
  },
  accessor: () => {
    class Thing {
      @anywhere
      accessor thing = 1;
    }
    return Thing;
  },
  field: () => {
    class Thing {
      @anywhere
      thing = 1;
    }
    return Thing;
  },
  class: () => {
    @anywhere
    class Thing {}
    return Thing;
  },
  generator: () => {
    class Thing {
      @anywhere
      *thing(): Generator<number> {
        yield 1;
      }
    }
    return Thing;
  },
  'async generator': () => {
    class Thing {
      @anywhere
      static async *thing(): AsyncGenerator<number> {
        yield 1;
      }
    }
    return Thing;
  },
};

/** What the types refuse: a directive that is not needed is an error. Never called. */
export function typesOnly(): unknown {
  class Refused {
    id = 1;
    // @ts-expect-error it would return a promise, and says that it does not
    @synchronized('x')
    plain(): number {
      return 1;
    }
    // @ts-expect-error nobody would wait for it
    @synchronized('x')
    nothing(): void {}
    // Who can take either can take a promise.
    @synchronized('x')
    either(): number | Promise<number> {
      return 1;
    }
    // @ts-expect-error it returns a promise
    @synchronized.sync('x')
    async promised(): Promise<number> {
      return 1;
    }
    // @ts-expect-error a getter
    @synchronized('x')
    get thing(): number {
      return 1;
    }
    // @ts-expect-error the name is told by a string
    @synchronized((id: string) => id)
    async byNumber(id: number): Promise<number> {
      return id;
    }
    // @ts-expect-error the name is told by two
    @synchronized((a: string, b: string) => a + b)
    async byOne(a: string): Promise<string> {
      return a;
    }
    // @ts-expect-error the name is told by what this class has not
    @synchronized(function (this: { missing: string }) {
      return this.missing;
    })
    async byThis(): Promise<number> {
      return this.id;
    }
  }
  return Refused;
}
