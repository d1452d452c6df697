// sequelize.js HOST PORT USER TABLE EMAILS -- what Sequelize gets of a table of customers, a line a step.
// As django_orm.py.  Needs the packages sequelize and pg, where NODE_PATH says.
'use strict';
const { Sequelize, DataTypes, Op, fn, col, literal, where, cast } = require('sequelize');

const [host, port, user, table, emails] = process.argv.slice(2);
const db = new Sequelize('postgres', user, '', { host, port, dialect: 'postgres', logging: false, pool: { max: 1 } });
const Customer = db.define('Customer', {
  id: { type: DataTypes.BIGINT, primaryKey: true, autoIncrement: true },
  email: { type: DataTypes.TEXT, unique: true },
  full_name: DataTypes.TEXT,
  note: DataTypes.TEXT,
  income: DataTypes.DECIMAL,
  born: DataTypes.DATEONLY,
}, { tableName: table, timestamps: false });

const mine = { email: { [Op.like]: `${emails}%` } };
const address = (n) => `${emails}${String(n).padStart(2, '0')}@x.test`;
const shown = (row) => [row.email.slice(emails.length), row.note, row.income, row.born];
const all = async (more = {}, options = {}) => (await Customer.findAll({ where: { ...mine, ...more }, order: ['email'], ...options })).map(shown);
const one = () => Customer.findOne({ where: { email: address(1) } });

async function step(name, action) {
  let result;
  try {
    result = await action();
  } catch (error) {
    result = `FAILED ${error.name}: ${error.message.split('\n')[0]}`;
  }
  console.log(`${name}: ${JSON.stringify(result)}`);
}

async function masked() {
  await step('save_masked', async () => {
    for (const row of await Customer.findAll({ where: mine })) {
      const values = row.get({ plain: true });
      await Customer.update({ ...values, full_name: 'masked' }, { where: { id: row.id } });
    }
    return all();
  });
}

async function cleared() {
  await step('create', async () => {
    await Customer.create({ email: address(1), note: 'it\'s "quoted" \\ é', income: '54321.99', born: '1990-02-28' });
    return all();
  });
  await step('bulkCreate', async () => (await Customer.bulkCreate([2, 3, 4, 5, 6, 7].map((n) => ({ email: address(n), note: 'flu', income: n * 1000, born: `1990-0${n}-01` })), { returning: true })).map(shown));
  await step('filters', async () => {
    const counts = [];
    for (const more of [{ note: 'flu' }, { note: ['flu', 'x'] }, { note: { [Op.iLike]: 'F%' } }, { note: { [Op.ne]: 'flu' } }, { note: { [Op.regexp]: '^f' } },
      { note: { [Op.startsWith]: 'fl' } }, { note: null }, { note: { [Op.between]: ['a', 'g'] } }, { income: { [Op.gt]: 2500.5, [Op.lt]: 60000 } }, { income: 3000 },
      { income: [2000, 3000] }, { born: { [Op.between]: ['1990-03-01', '1990-05-01'] } }, { born: { [Op.lt]: '1990-04-01' } }, { [Op.or]: [{ note: 'flu' }, { income: { [Op.gt]: 50000 } }] },
      { [Op.and]: where(fn('lower', col('note')), 'flu') }, { [Op.and]: where(cast(col('income'), 'integer'), 3000) }, { [Op.not]: { note: 'flu' } }])
      counts.push(await Customer.count({ where: { ...mine, ...more } }));
    return counts;
  });
  await step('bound', () => db.query(`SELECT count(*)::int n, sum(income) s FROM ${table} WHERE note = $1 AND income > $2 AND email LIKE $3`, { bind: ['flu', 1.5, `${emails}%`], type: 'SELECT' }));
  await step('replaced', () => db.query(`SELECT note, income, born FROM ${table} WHERE note IN (:notes) AND born > :born AND email LIKE :mine ORDER BY email`, { replacements: { notes: ['flu', 'x'], born: '1990-03-01', mine: `${emails}%` }, type: 'SELECT' }));
  await step('save', async () => {
    const row = await one();
    row.note = 'saved';
    row.income = '54322.99';
    const changed = row.changed();
    await row.save();
    await row.reload();
    return [changed, shown(row)];
  });
  await step('increment', async () => { await (await one()).increment('income', { by: 2 }); return shown(await one()); });
  await step('update', () => Customer.update({ income: literal('income / 2'), note: fn('upper', col('note')) }, { where: { ...mine, note: 'flu' }, returning: true }).then(([n, rows]) => [n, rows.map(shown).sort()]));
  await step('upsert', async () => { await Customer.upsert({ email: address(1), note: 'ups', income: 9.5 }, { conflictFields: ['email'], returning: true }); return shown(await one()); });
  await step('findOrCreate', async () => { const [row, created] = await Customer.findOrCreate({ where: { ...mine, note: 'ups' }, defaults: { email: address(8), note: 'ups' } }); return [shown(row), created]; });
  await step('ignoreDuplicates', async () => { await Customer.bulkCreate([{ email: address(1), note: 'no' }], { ignoreDuplicates: true }); return shown(await one()); });
  await step('order', () => all({}, { order: [['income', 'DESC'], ['note', 'ASC NULLS FIRST'], ['email', 'ASC']], limit: 4, offset: 1 }));
  await step('aggregates', async () => [await Customer.sum('income', { where: mine }), await Customer.max('born', { where: mine }), await Customer.min('note', { where: mine }), await Customer.count({ where: mine, distinct: true, col: 'note' })]);
  await step('groups', () => Customer.findAll({ where: mine, attributes: ['note', [fn('COUNT', col('id')), 'n'], [fn('SUM', col('income')), 's'], [fn('date_trunc', 'year', col('born')), 'y']], group: ['note', fn('date_trunc', 'year', col('born'))], having: where(fn('COUNT', col('id')), { [Op.gt]: 0 }), order: ['note'], raw: true }));
  await step('functions', () => Customer.findAll({ where: mine, attributes: [[fn('coalesce', col('note'), 'none'), 'c'], [fn('length', col('note')), 'l'], [literal('income * 2'), 'i'], [cast(col('income'), 'text'), 't'], [literal("CASE WHEN income > 4000 THEN 'high' ELSE 'low' END"), 'w'], [literal("to_char(born, 'YYYY-MM')"), 'm'], [literal('rank() OVER (ORDER BY income DESC)'), 'r']], order: ['email'], raw: true }));
  await step('rollback', async () => {
    try {
      await db.transaction(async (transaction) => {
        await Customer.update({ note: 'zzz' }, { where: mine, transaction });
        throw new Error('undo');
      });
    } catch (error) {
      if (error.message !== 'undo') throw error;
    }
    return all();
  });
  await step('locked', () => db.transaction(async (transaction) => shown(await Customer.findOne({ where: { email: address(1) }, transaction, lock: true }))));
  await step('describe', async () => Object.entries(await db.getQueryInterface().describeTable(table)).map(([name, column]) => [name, column.type, column.allowNull]));
  await step('sync', async () => { await Customer.sync(); return all(); });
  await step('nulls', async () => { await Customer.create({ email: address(9) }); return all({ note: null }); });
  await step('destroy', async () => [await Customer.destroy({ where: { ...mine, income: { [Op.gt]: 3000 } } }), await all()]);
}

(user === 'masked' ? masked() : cleared()).then(() => db.close());
