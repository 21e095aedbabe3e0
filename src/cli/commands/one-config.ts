// The argument of the commands that are for one config (ACT-80, FET-108).

export const ONE_CONFIG = {
  type: "positional",
  required: true,
  description: "A config file; app stands for /etc/tako/app.tako",
} as const;
