// A real OpenID provider with made-up people: whoever types a login of PEOPLE is that person, any password is right.
import Provider from 'oidc-provider';

const [port, app] = process.argv.slice(2);
const PEOPLE = {
  lan: { name: 'Lan', groups: ['phu-survey'] },
  minh: { name: 'Minh', groups: ['phu-planner'] },
  ly: { name: 'Ly', groups: ['phu-partner'], operator: 'vnpt' },
  sok: { name: 'Sok', groups: ['phu-admin'] },
  stranger: { name: 'Stranger', groups: ['accounting'] },
  late: { name: 'Late', groups: ['phu-planner'] }, // whose login ends after ten seconds
};

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: 'phu',
    client_secret: 'a-secret-of-the-tests-only',
    redirect_uris: [`${app}/oauth2callback`],
    post_logout_redirect_uris: [`${app}/oauth2callback`],
  }],
  claims: { openid: ['sub'], profile: ['name'], roles: ['groups', 'operator'] },
  scopes: ['openid', 'profile', 'roles'],
  conformIdTokenClaims: false, // the roles stand in the ID token, which is all Streamlit reads
  cookies: { keys: ['a-key-of-the-tests-only'] },
  findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub, ...PEOPLE[sub] }) }),
  loadExistingGrant: async (ctx) => { // nobody is asked for consent: the office's own app
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope('openid profile roles');
    await grant.save();
    return grant;
  },
  ttl: { IdToken: (ctx) => (ctx.oidc.session?.accountId === 'late' || ctx.oidc.account?.accountId === 'late' ? 10 : 3600) },
});

provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
