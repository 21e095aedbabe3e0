// What makes a type that only its parser can give. Types alone: nothing of it is there at run time.

/** A protected field, which neither an object literal nor a spread of another value can have. */
declare class Brand<Name extends string> {
  protected readonly brand: Name;
}

/** A `Value` that has been checked. Only the module that checks it says so, by an assertion. */
export type Branded<Value, Name extends string> = Value & Brand<Name>;
