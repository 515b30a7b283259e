// The wallet in this browser: a choice of those that are there, then the one that is connected. Python knows the account
// and the chain; the wallet itself never leaves the page.
export default {
  props: { module: String, chain: Object },
  emits: ["account"],
  template: `
    <div class="fc-col" style="gap:10px">
      <template v-if="!used">
        <div class="fc-wallets">
          <button v-for="w in wallets" :key="w.id" type="button" class="fc-walletbtn" :aria-busy="asking === w.id" @click="connect(w.id)">
            <img v-if="w.icon" :src="w.icon" alt=""><i v-else class="fc-i i-wallet" aria-hidden="true"></i><span>{{ w.name }}</span>
          </button>
        </div>
        <div v-if="!wallets.length" class="fc-small fc-dim">No wallet was found in this browser. With an extension such as MetaMask or Rabby,
          money of your own can be moved from here; its key stays in the wallet.</div>
      </template>
      <div v-else class="fc-row">
        <span class="fc-walletmark"><img v-if="used.icon" :src="used.icon" alt=""><i v-else class="fc-i i-wallet" aria-hidden="true"></i></span>
        <span class="fc-cut fc-grow" style="font-weight:590">{{ used.name }}</span>
        <button type="button" class="fc-btn small" @click="forget">Disconnect</button>
      </div>
      <div v-if="problem" class="fc-alert t-bad" role="status"><i class="fc-i i-circle-alert" aria-hidden="true"></i><span>{{ problem }}</span></div>
    </div>`,
  data: () => ({ wallets: [], used: null, asking: null, problem: "" }),
  async mounted() {
    this.providers = new Map(); // not reactive: a wallet's object must stay its own
    this.lib = await import(this.module);
    this.stop = this.lib.discover((found) => {
      for (const wallet of found) this.providers.set(wallet.id, wallet);
      this.wallets = found.map(({ id, name, icon }) => ({ id, name, icon }));
      const known = found.find(this.lib.isRemembered);
      if (known && !this.used && !this.asking && !this.left) this.connect(known.id, false);
    });
  },
  unmounted() {
    this.stop?.();
    this.listen("removeListener");
  },
  methods: {
    async connect(id, ask = true) {
      const wallet = this.providers.get(id);
      this.asking = id;
      this.problem = "";
      try {
        const account = await this.lib.account(wallet, ask);
        if (account) await this.use(wallet, account);
      } catch (error) {
        if (ask) this.problem = error.message;
      } finally {
        this.asking = null;
      }
    },
    async use(wallet, account) {
      this.listen("removeListener");
      this.wallet = wallet;
      this.used = { name: wallet.name, icon: wallet.icon };
      this.lib.remember(wallet);
      this.account = account;
      await this.tell();
      this.onAccounts = (accounts) => {
        if (!accounts?.length) return this.forget();
        this.account = String(accounts[0]).toLowerCase();
        this.tell();
      };
      this.onChain = () => this.tell();
      this.listen("on");
    },
    listen(how) {
      if (!this.wallet || !this.onChain) return;
      this.wallet.provider[how]?.("accountsChanged", this.onAccounts);
      this.wallet.provider[how]?.("chainChanged", this.onChain);
    },
    forget() {
      this.listen("removeListener");
      this.lib.remember(null);
      this.left = true;
      this.wallet = this.account = this.used = null;
      this.problem = "";
      this.$emit("account", null);
    },
    async tell() {
      this.$emit("account", { account: this.account, chain: await this.lib.chainOf(this.wallet), name: this.wallet.name });
    },
    // Both answer {} or {problem}; `send` answers {hash}.
    async changeChain() {
      return this.attempt(async (wallet) => {
        await this.lib.switchChain(wallet, this.chain);
        await this.tell();
        return {};
      });
    },
    async send(transaction) {
      return this.attempt(async (wallet) => {
        if ((await this.lib.chainOf(wallet)) !== Number(transaction.chainId)) {
          await this.tell();
          throw new Error(`${wallet.name} is on another chain now.`);
        }
        return { hash: await this.lib.request(wallet, "eth_sendTransaction", transaction) };
      });
    },
    async attempt(deed) {
      if (!this.wallet) return { problem: "The wallet was disconnected." };
      try {
        return await deed(this.wallet);
      } catch (error) {
        return { problem: error.message };
      }
    },
  },
};
