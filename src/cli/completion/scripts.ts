// The script of each shell. It knows no command: it asks the program that is installed what may follow, so it never
// lags behind one.

import bash from "./tako.bash.txt" with { type: "text" };
import fish from "./tako.fish.txt" with { type: "text" };
import zsh from "./tako.zsh.txt" with { type: "text" };

export const SCRIPTS = { bash, zsh, fish } as const;
