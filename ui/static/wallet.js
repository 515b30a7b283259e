// Wallets in the browser: found by EIP-6963, spoken to by EIP-1193. What a wallet tells of itself is not trusted: its
// name is only ever text, its icon only ever an image that is in the announcement itself.
const ICON = /^data:image\/(?:png|jpeg|gif|webp|svg\+xml)[;,]/i;
const MAX_ICON = 300000, MAX_NAME = 40, MAX_WALLETS = 12;
const REMEMBERED = "fc_wallet";

// Tells `changed` of all wallets known, each time one more announces itself. Returns how to stop.
export function discover(changed) {
  const found = new Map();
  const take = (event) => {
    const { info, provider } = event.detail ?? {};
    if (typeof provider?.request !== "function" || typeof info?.uuid !== "string") return;
    if (!found.has(info.uuid) && found.size >= MAX_WALLETS) return;
    const icon = typeof info.icon === "string" && info.icon.length <= MAX_ICON && ICON.test(info.icon) ? info.icon : "";
    const name = String(info.name ?? "").slice(0, MAX_NAME).trim() || "A wallet without a name";
    found.set(info.uuid, { id: info.uuid, rdns: String(info.rdns ?? "").slice(0, 100), name, icon, provider });
    changed([...found.values()]);
  };
  addEventListener("eip6963:announceProvider", take);
  dispatchEvent(new Event("eip6963:requestProvider"));
  return () => removeEventListener("eip6963:announceProvider", take);
}

// The wallet used last in this browser, by the name it goes by in all its versions.
export const remember = (wallet) => (wallet ? localStorage.setItem(REMEMBERED, wallet.rdns) : localStorage.removeItem(REMEMBERED));
export const isRemembered = (wallet) => wallet.rdns !== "" && localStorage.getItem(REMEMBERED) === wallet.rdns;

// An EIP-1193 request whose failure is an Error in words, with the wallet's code.
export async function request(wallet, method, ...params) {
  try {
    return await wallet.provider.request({ method, params });
  } catch (error) {
    const code = error?.data?.originalError?.code ?? error?.code;
    throw Object.assign(new Error(words(wallet, method, code, error)), { code });
  }
}

function words(wallet, method, code, error) {
  switch (code) {
    case 4001: return `You declined in ${wallet.name}.` + (method === "eth_sendTransaction" ? " Nothing was sent." : "");
    case 4100: return `${wallet.name} does not let this page use that account. Connect it again.`;
    case 4200: return `${wallet.name} can't do that.`;
    case 4900: case 4901: return `${wallet.name} is not connected to the chain.`;
    case -32002: return `${wallet.name} has a question open already: look at its window.`;
    default: return `${wallet.name}: ${String(error?.message ?? error ?? "it gave no reason").slice(0, 300)}`;
  }
}

// The account the owner lets this page use, in lower case. With `ask`, the wallet may open its window.
export async function account(wallet, ask) {
  const accounts = await request(wallet, ask ? "eth_requestAccounts" : "eth_accounts");
  const first = Array.isArray(accounts) ? accounts[0] : undefined;
  if (typeof first === "string" && /^0x[0-9a-f]{40}$/i.test(first)) return first.toLowerCase();
  if (ask) throw new Error(`${wallet.name} offers no account.`);
  return null;
}

export async function chainOf(wallet) {
  return Number(await request(wallet, "eth_chainId"));
}

// `chain` is what EIP-3085 wants of one that the wallet does not know yet.
export async function switchChain(wallet, chain) {
  try {
    await request(wallet, "wallet_switchEthereumChain", { chainId: chain.chainId });
  } catch (error) {
    if (error.code !== 4902) throw error;
    await request(wallet, "wallet_addEthereumChain", chain);
    await request(wallet, "wallet_switchEthereumChain", { chainId: chain.chainId });
  }
}

// Sign-In with Ethereum: the node's message, the wallet's signature, and on to the page that was wanted.
async function signIn(wallet, next) {
  const address = await account(wallet, true);
  const { message } = await post("/sign-in/challenge", { address });
  const hex = "0x" + [...new TextEncoder().encode(message)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const signature = await request(wallet, "personal_sign", hex, address);
  const done = await post("/sign-in/wallet", { message, signature, next });
  remember(wallet);
  location.assign(done.next);
}

async function post(path, body) {
  let answer;
  try {
    answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  } catch {
    throw new Error("The panel does not answer. Is it still running?");
  }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.problem ?? `The panel answered with status ${answer.status}.`);
  return said;
}

// The sign-in page's list: a button for each wallet.
export function offerSignIn(box) {
  const list = box.querySelector(".fc-wallets"), note = box.querySelector(".fc-hint");
  const problem = box.querySelector(".fc-alert"), problemWords = problem.querySelector("span");
  let busy = false;
  const use = async (wallet, button) => {
    if (busy) return;
    busy = true;
    problem.classList.add("fc-hide");
    note.textContent = `Look at ${wallet.name}: it asks you to connect, then to sign.`;
    button.setAttribute("aria-busy", "true");
    try {
      await signIn(wallet, box.dataset.next);
    } catch (error) {
      problemWords.textContent = error.message;
      problem.classList.remove("fc-hide");
      note.textContent = "";
    } finally {
      busy = false;
      button.removeAttribute("aria-busy");
    }
  };
  discover((wallets) => {
    note.textContent = "";
    list.replaceChildren(...wallets.map((wallet) => {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "fc-walletbtn" });
      const icon = document.createElement(wallet.icon ? "img" : "i");
      if (wallet.icon) Object.assign(icon, { src: wallet.icon, alt: "" });
      else icon.className = "fc-i i-wallet";
      button.append(icon, Object.assign(document.createElement("span"), { textContent: wallet.name }));
      button.addEventListener("click", () => use(wallet, button));
      return button;
    }));
  });
}
