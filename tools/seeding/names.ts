/**
 * A hundred first and a hundred last names from many languages, in ASCII: there SQL's `lower()` and the folding of
 * names in users/text.ts agree.
 */
export const FIRST_NAMES = words(`
  Ada Adunni Aiko Akira Alejandra Amara Amit Ananya Andrej Anneke Ari Astrid Ayse Bao Beatriz Bilal Bjorn Carmen
  Chiara Chidi Chloe Claire Dagny Daria David Diego Dilara Efua Eitan Elena Emeka Emil Erik Esther Farah Fatima
  Felix Femi Freya Gabriel Giulia Grace Hana Hans Haruto Hassan Hiroshi Ibrahim Ida Imani Ines Ingrid Isabel Ivan
  Jamal Jin Joao Jonas Julia Kamila Karim Katarina Kenji Kofi Kwame Lakshmi Lars Layla Leila Linh Lucia Luca Maeve
  Malik Maria Mateo Mei Mila Minh Mohammed Nadia Naomi Ngozi Nikolai Noor Olga Omar Paulo Priya Rahul Rosa Samira
  Sanjay Sofia Tariq Thandiwe Wei Yusuf Zainab Zofia
`)

export const LAST_NAMES = words(`
  Abdi Achebe Adeyemi Aguilar Ahmed Almeida Andersen Asante Aziz Banerjee Barros Becker Bianchi Botha Castro Chen
  Cohen Costa Cruz Dang Das Demir Diallo Dlamini Dubois Eriksson Farouk Fernandez Fischer Flores Fofana Fujita
  Garcia Gomez Gupta Haddad Hansen Hernandez Hoang Horvat Hussain Ivanov Jansen Jensen Johansson Kamau Kapoor Kaya
  Khan Kim Kimura Kovacs Kowalski Kumar Laine Larsen Le Lopez Mbeki Mendes Meyer Mishra Moreau Moreno Mwangi
  Nakamura Nguyen Nielsen Novak Nowak Obi Okafor Okoye Oliveira Osei Park Patel Pereira Pham Popescu Rahman Ramos
  Reddy Ricci Rossi Saito Santos Sato Schmidt Sharma Silva Singh Suzuki Tanaka Toure Tran Vega Virtanen Wang Yamamoto
`)

function words(text: string): string[] {
  return text.trim().split(/\s+/)
}
